/** Money and times in the reader's own way of writing them. */

const locales = navigator.languages;
const currencies = new Map();

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
    currencies.set(key, new Intl.NumberFormat(locales, style));
  }
  return currencies.get(key).format(amount / 10 ** digits);
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
