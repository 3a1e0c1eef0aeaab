/** Money and times in the reader's own way of writing them. */

const locales = navigator.languages;
const currencies = new Map();

/** @param {number} amount in minor units of `currency` */
export function money(amount, currency) {
  if (!currencies.has(currency)) {
    currencies.set(currency, new Intl.NumberFormat(locales, { style: 'currency', currency }));
  }
  const format = currencies.get(currency);
  return format.format(amount / 10 ** format.resolvedOptions().maximumFractionDigits);
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
