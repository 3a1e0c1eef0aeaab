/** Whether the restaurant takes orders now, in words for the guest. */

import { now } from './clock.js';
import { weekdayIn } from './format.js';
import { t } from './guest_words.js';

/** @returns {string} why guests can't order, '' when they can */
export function whyNoOrders(house) {
  if (house.paused) return [t.paused, house.reason && t.because(house.reason)].filter(Boolean).join(' ');
  return house.serving ? '' : `${t.closed} ${hoursOfToday(house)}`.trim();
}

/** When it is open today, where it stands; '' where the browser does not know that place's time. */
function hoursOfToday({ hours, time_zone: timeZone }) {
  const today = weekdayIn(timeZone, now());
  if (!today) return '';
  const times = hours
    .filter(({ day }) => day === today)
    .map(({ opens, closes }) => `${opens}–${closes}`);
  return times.length ? t.openToday(times.join(', ')) : t.closedToday;
}
