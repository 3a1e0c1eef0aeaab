/** Time as the server has it: a tablet on the wall may be minutes off. */

/** The time when `performance.now()` was 0: that goes on evenly when somebody sets the clock. */
let origin = Date.now() - performance.now();

/** Learns the server's time from an answer of it. */
export function learnTime(response) {
  const told = Date.parse(response.headers.get('date') ?? '');
  // The header has whole seconds; half of one is the best guess.
  if (told) origin = told + 500 - performance.now();
}

/** Milliseconds since 1970, as on the server. */
export function now() {
  return origin + performance.now();
}

/** Whole minutes from now until `time` (RFC 3339), rounded up; negative when it is past. */
export function minutesUntil(time) {
  return Math.ceil((Date.parse(time) - now()) / 60_000);
}

/** Whole minutes since `time`. */
export function minutesSince(time) {
  return Math.max(0, Math.floor((now() - Date.parse(time)) / 60_000));
}
