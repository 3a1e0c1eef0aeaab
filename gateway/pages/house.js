/** Whether the restaurant takes orders now, in words for the guest. */

import { now } from './clock.js';
import { clockTimeIn, nameOfDay, weekdayIn } from './format.js';
import { t } from './guest_words.js';
import { pausedWords } from './words.js';

const DAYS = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'];

/**
 * @returns {{short: string, words: string}} why guests can't order: for a button, and with the
 *   reason and when it ends; empty when they can
 */
export function whyNoOrders(house) {
  if (house.paused) {
    return { short: pausedWords({ until: house.until }).slice(0, -1), words: pausedWords(house) };
  }
  if (house.serving) return { short: '', words: '' };
  return { short: t.closedNow, words: `${t.closed} ${opening(house)}`.trim() };
}

/** When it opens next, where it stands; '' where the browser does not know that place's time. */
function opening({ hours, time_zone: timeZone }) {
  const today = DAYS.indexOf(weekdayIn(timeZone, now()));
  const time = clockTimeIn(timeZone, now());
  if (today < 0) return '';
  for (let ahead = 0; ahead <= DAYS.length; ahead += 1) {
    const index = (today + ahead) % DAYS.length;
    const times = hours.filter(({ day }) => day === DAYS[index]).map(({ opens }) => opens);
    const [first] = times.filter((opens) => ahead > 0 || opens > time).sort();
    if (first) return ahead ? t.opensOn(nameOfDay(index), first) : t.opensToday(first);
  }
  return '';
}
