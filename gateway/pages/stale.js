/** Nothing stale looks fresh, on screens that hang on a wall. */

import { now } from './clock.js';
import { clockTime } from './format.js';
import { HICCUP_MS } from './live.js';

/**
 * Makes what is not fresh look so, over the whole page and not in the corner alone.
 *
 * @param {import('./live.js').Freshness} freshness
 * @param {(time: string, isAway: boolean) => string} say words for data of that time ('' while there
 *   was none yet), because the kitchen does not answer (`isAway`) or the connection is lost
 */
export function markStale(freshness, say) {
  const { kind, at, away, since } = freshness;
  const isLost = kind === 'as-of' || (kind === 'reconnecting' && now() - since > HICCUP_MS);
  const words = isLost ? say(at ? clockTime(at) : '', away.length > 0) : '';
  document.body.classList.toggle('is-stale', words !== '');
  if (document.body.dataset.stale !== words) document.body.dataset.stale = words;
}
