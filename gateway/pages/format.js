/**
 * Money and times in the reader's own way of writing them. All `Intl` constructors that take what a
 * browser or the restaurant says are called here: they throw at a locale, a currency or a time zone
 * that they do not know.
 */

/** The reader's languages, without tags of another grammar, such as `en-US@posix`. */
const locales = navigator.languages.filter((tag) => {
  try {
    return Intl.getCanonicalLocales(tag);
  } catch {
    return false;
  }
});
const currencies = new Map();

/** A formatter of the class `Format`, or null where the browser knows no such `options`. */
function formatter(Format, options, among = locales) {
  try {
    return new Format(among, options);
  } catch {
    return null;
  }
}

/**
 * @param {number} amount in minor units
 * @param {{currency: string, currency_digits: number}} of the order or the menu it belongs to:
 *   browsers differ in how many digits a currency has
 * @param {string} [signDisplay] as `Intl` has it
 */
export function money(amount, { currency, currency_digits: digits = 2 }, signDisplay = 'auto') {
  // There is none before the first menu.
  if (!currency) return '';
  const key = `${currency} ${digits} ${signDisplay}`;
  if (!currencies.has(key)) {
    const fraction = { minimumFractionDigits: digits, maximumFractionDigits: digits };
    const style = { style: 'currency', currency, signDisplay, ...fraction };
    currencies.set(key, formatter(Intl.NumberFormat, style));
  }
  const units = amount / 10 ** digits;
  return currencies.get(key)?.format(units) ?? `${units.toFixed(digits)} ${currency}`;
}

/** The day of the week in a time zone, such as `monday`; null where the browser has no such zone. */
export function weekdayIn(timeZone, time) {
  const format = formatter(Intl.DateTimeFormat, { weekday: 'long', timeZone }, 'en');
  return format?.format(time).toLowerCase() ?? null;
}

/** The time of day in a time zone, such as `09:30`; null where the browser has no such zone. */
export function clockTimeIn(timeZone, time) {
  const parts = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23', timeZone };
  return formatter(Intl.DateTimeFormat, parts, 'en')?.format(time) ?? null;
}

const dayName = new Intl.DateTimeFormat(locales, { weekday: 'long', timeZone: 'UTC' });

/** A day of the week in the reader's language; 0 is Monday. */
export function nameOfDay(index) {
  // 1 January 2024 was one.
  return dayName.format(Date.UTC(2024, 0, 1 + index));
}

const clock = new Intl.DateTimeFormat(locales, { timeStyle: 'short' });
const day = new Intl.DateTimeFormat(locales, { day: 'numeric', month: 'short' });

/** Such as `12:40`. */
export function clockTime(time) {
  return clock.format(new Date(time));
}

/** Such as `12:40` for today and `3 Nov, 12:40` before. */
export function dayAndTime(time) {
  const at = new Date(time);
  const isToday = at.toDateString() === new Date().toDateString();
  return isToday ? clock.format(at) : `${day.format(at)}, ${clock.format(at)}`;
}
