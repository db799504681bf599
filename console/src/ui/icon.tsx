// The console's icons, drawn for a square of 16.

const PATHS = {
  hash: "M6 2 4.5 14M11.5 2 10 14M2.5 5.5h11M2 10.5h11",
  at: "M10.700 8a2.700 2.700 0 1 1-5.400 0 2.700 2.700 0 0 1 5.400 0zM10.700 5.500V9a1.800 1.800 0 0 0 3.600 0V8A6.300 6.300 0 1 0 12 12.900",
  reply: "M6.500 4 2.500 8l4 4M2.500 8H10a3.500 3.500 0 0 1 3.500 3.500V13",
  keyboard: "M1.500 4h13v8h-13zM4 6.500h.01M6.700 6.500h.01M9.300 6.500h.01M12 6.500h.01M5 9.500h6",
  pod: "M8 1.500 14 4.800v6.400L8 14.500 2 11.200V4.800zM2 4.800l6 3.300 6-3.300M8 8.100v6.400",
  lock: "M4 7h8v6H4zM5.5 7V5a2.5 2.5 0 0 1 5 0v2",
  search: "M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10zM10.7 10.7 14 14",
  menu: "M2 4h12M2 8h12M2 12h12",
  close: "M3.5 3.5l9 9M12.5 3.5l-9 9",
  send: "M2 8 14 2.5 10.5 14 8 9zM8 9l6-6.5",
  thread: "M3 2v7a2 2 0 0 0 2 2h8M10 8l3 3-3 3",
  activity: "M1.5 8H4l2-5 4 10 2-5h2.5",
  server: "M2.5 3h11v4h-11zM2.5 9h11v4h-11zM5 5h.01M5 11h.01",
  agent: "M8 8a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM2.5 14c.6-3 2.7-4.5 5.5-4.5s4.900 1.500 5.500 4.500",
  copy: "M5.500 5.500h8v8h-8zM10.500 5.500v-3h-8v8h3",
  check: "M3 8.500 6.500 12 13 4.500",
  link: "M7 9.500a3 3 0 0 0 4.300 0l2-2A3 3 0 0 0 9 3.200l-1 1M9 6.500a3 3 0 0 0-4.300 0l-2 2A3 3 0 0 0 7 12.800l1-1",
  file: "M4 1.500h5L12.500 5v9.500H4zM9 1.500V5h3.500",
  down: "M8 3v10M4 9l4 4 4-4",
  sun: "M8 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM8 1v1.500M8 13.500V15M1 8h1.500M13.500 8H15M3 3l1 1M12 12l1 1M13 3l-1 1M4 12l-1 1",
  moon: "M13.500 9.500A6 6 0 0 1 6.500 2.500a6 6 0 1 0 7 7z",
  screen: "M2 3h12v8H2zM6 14h4M8 11v3",
  play: "M4.500 2.500v11l9-5.500z",
  pause: "M5 3v10M11 3v10",
  restart: "M13 8a5 5 0 1 1-1.500-3.500L13 6M13 2.500V6H9.500",
  stop: "M3.500 3.500h9v9h-9z",
  key: "M6 12a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM8.200 6.800 13.500 1.500M11 4l2 2",
  back: "M10 3 5 8l5 5",
  go: "M2.500 8h10M8.500 4l4 4-4 4",
  warning: "M8 2 1.500 13.500h13zM8 6.500v3M8 11.800h.01",
  out: "M6 2.500H2.500v11H6M10 5l3 3-3 3M13 8H6",
} as const;

export type IconName = keyof typeof PATHS;

/** A picture beside words; it says nothing by itself. */
export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}
