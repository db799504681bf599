// Times as people read them, in their own language and zone.

type Format = (date: Date) => string;

/** A format that is made when it is first used: making one costs more than all that a page writes with it. */
function made(options: Intl.DateTimeFormatOptions): Format {
  let format: Intl.DateTimeFormat | undefined;
  return (date) => {
    format ??= new Intl.DateTimeFormat(undefined, options);
    return format.format(date);
  };
}

const CLOCK = made({ hour: "2-digit", minute: "2-digit" });
const SECONDS = made({ timeStyle: "medium" });
const DAY = made({ weekday: "long", month: "long", day: "numeric" });
const DAY_AND_YEAR = made({ year: "numeric", month: "long", day: "numeric" });
const FULL = made({ dateStyle: "full", timeStyle: "medium" });
const DATE = made({ dateStyle: "medium", timeStyle: "short" });
const SHORT = made({ month: "short", day: "numeric" });

export const clock = (at: string): string => CLOCK(new Date(at));
export const clockWithSeconds = (at: string): string => SECONDS(new Date(at));
export const date = (at: string): string => DATE(new Date(at));
export const full = (at: string): string => FULL(new Date(at));
export const dayKey = (at: string): string => new Date(at).toDateString();

/** A time of today by the clock, another with its day. */
export const moment = (at: string): string =>
  dayKey(at) === new Date().toDateString() ? clock(at) : date(at);

/** The heading over a day's messages. */
export function day(at: string): string {
  const date = new Date(at);
  const today = new Date();
  if (date.toDateString() === today.toDateString()) {
    return "Today";
  }
  if (date.toDateString() === new Date(today.getTime() - 86_400_000).toDateString()) {
    return "Yesterday";
  }
  return (date.getFullYear() === today.getFullYear() ? DAY : DAY_AND_YEAR)(date);
}

/** How long ago, shortly: `now`, `5 min`, `3 h`, `Mar 4`. */
export function ago(at: string): string {
  const minutes = Math.floor((Date.now() - Date.parse(at)) / 60_000);
  if (minutes < 1) {
    return "now";
  }
  if (minutes < 60) {
    return `${minutes} min`;
  }
  return minutes < 24 * 60 ? `${Math.floor(minutes / 60)} h` : SHORT(new Date(at));
}

/** The same in a sentence: `just now`, `5 min ago`, `on Mar 4`. */
export function since(at: string): string {
  const told = ago(at);
  if (told === "now") {
    return "just now";
  }
  return /min$|h$/.test(told) ? `${told} ago` : `on ${told}`;
}

/** Makes the formats of most pages while nothing else is to be done. */
export function prepare(): void {
  const now = new Date();
  CLOCK(now);
  FULL(now);
}
