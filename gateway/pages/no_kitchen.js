/** What a screen shows at an address whose `?kitchen=` names no kitchen of the restaurant. */

import { call } from './api.js';
import { fill, h } from './dom.js';
import { choose } from './words.js';

const MAIN = 'main';
/** A kitchen that is being set up is there soon: the screen need not be touched for that. */
const AGAIN_MS = 10_000;

const t = choose({
  noKitchen: [(name) => `There is no kitchen “${name}”`, (name) => `Кухни «${name}» нет`],
  checkAddress: [
    'Check the address: after ?kitchen= stands the kitchen’s name.',
    'Проверьте адрес: после ?kitchen= стоит название кухни.',
  ],
  openMain: ['Open the main kitchen', 'Открыть главную кухню'],
});

/** The kitchen that the page's address names. */
export const kitchen = new URLSearchParams(location.search).get('kitchen') || MAIN;

/** True if the restaurant has no such kitchen; false if it has, or does not answer. */
export async function isKitchenUnknown() {
  try {
    await call('GET', `/board?kitchen=${encodeURIComponent(kitchen)}`);
  } catch (problem) {
    return problem.kind === 'kitchen-not-found';
  }
  return false;
}

/** Says in `view` that there is no such kitchen, until there is. */
export function showNoKitchen(view) {
  document.title = `${t.noKitchen(kitchen)} · Brigade`;
  fill(
    view,
    h(
      'div.trouble.no-kitchen',
      h('h1', { role: 'alert' }, t.noKitchen(kitchen)),
      h('p', t.checkAddress),
      kitchen !== MAIN && h('a', { href: location.pathname }, t.openMain),
    ),
  );
  setInterval(async () => {
    if (!(await isKitchenUnknown())) location.reload();
  }, AGAIN_MS);
}
