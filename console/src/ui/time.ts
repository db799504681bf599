// Times as people read them, in their own language and zone.

const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const SECONDS = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
const DAY = new Intl.DateTimeFormat(undefined, { weekday: "long", month: "long", day: "numeric" });
const DAY_AND_YEAR = new Intl.DateTimeFormat(undefined, { year: "numeric", month: "long", day: "numeric" });
const FULL = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "medium" });
const DATE = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const SHORT = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric" });

export const clock = (at: string): string => CLOCK.format(new Date(at));
export const clockWithSeconds = (at: string): string => SECONDS.format(new Date(at));
export const date = (at: string): string => DATE.format(new Date(at));
export const full = (at: string): string => FULL.format(new Date(at));
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
  return (date.getFullYear() === today.getFullYear() ? DAY : DAY_AND_YEAR).format(date);
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
  return minutes < 24 * 60 ? `${Math.floor(minutes / 60)} h` : SHORT.format(new Date(at));
}

/** The same in a sentence: `just now`, `5 min ago`, `on Mar 4`. */
export function since(at: string): string {
  const told = ago(at);
  if (told === "now") {
    return "just now";
  }
  return /min$|h$/.test(told) ? `${told} ago` : `on ${told}`;
}
