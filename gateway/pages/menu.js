/** The menu: dishes whose options unfold in place. */

import { h, syncChildren } from './dom.js';
import { money } from './format.js';
import { t } from './guest_words.js';

/** Of one dish. */
export const MOST = 99;

/** What a dish with these options costs; as the order service has it, never less than nothing. */
export function priceOf(dish, options) {
  const price = dish.option_groups
    .flatMap((group) => group.options)
    .filter((option) => options.includes(option.name))
    .reduce((sum, option) => sum + option.price, dish.price);
  return Math.max(price, 0);
}

/**
 * A plus, a number, a minus.
 *
 * @param {{name: string, value: number, least?: number, key: string,
 *   onChange: (value: number) => void}} options
 */
export function stepper({ name, value, least = 0, key, onChange }) {
  const button = (words, sign, next, isOff) =>
    h(
      'button',
      {
        'aria-label': words,
        data: { key: `${key}${sign}` },
        disabled: isOff,
        onclick: () => onChange(next),
      },
      sign,
    );
  return h(
    'span.stepper',
    { role: 'group', 'aria-label': `${t.quantity}: ${name}` },
    button(t.fewer(name), '−', value - 1, value <= least),
    h('output', value),
    button(t.more(name), '+', value + 1, value >= MOST),
  );
}

export class Menu {
  #open = '';

  /**
   * @param {Object} menu as the API gives it
   * @param {(line: {sku: string, quantity: number, options: string[]}) => void} onAdd
   */
  constructor(menu, onAdd) {
    this.onAdd = onAdd;
    this.element = h('div.menu');
    this.update(menu);
  }

  /** Takes a newer menu. Dishes that are as they were stay, with what is being chosen for one. */
  update(menu) {
    this.menu = menu;
    this.dishes = new Map(menu.items.map((dish) => [dish.sku, dish]));
    const categories = byCategory(menu.items);
    const names = JSON.stringify([...categories.keys()]);
    if (names !== this.names) {
      this.names = names;
      this.element.replaceChildren(...this.#sections([...categories.keys()]));
    }
    for (const [index, dishes] of [...categories.values()].entries()) {
      syncChildren(
        this.element.querySelector(`#category-${index} .dishes`),
        dishes.map((dish) => ({ dish, currency: menu.currency, digits: menu.currency_digits })),
        ({ dish }) => dish.sku,
        ({ dish }) => this.#dish(dish),
      );
    }
    this.#open = this.element.querySelector('.dish.open')?.dataset.sku ?? '';
  }

  /** Shows how many of each dish are on the bill: sku → count. */
  mark(counts) {
    for (const mark of this.element.querySelectorAll('.on-bill')) {
      const count = counts.get(mark.dataset.sku) ?? 0;
      mark.textContent = count ? `${count}×` : '';
    }
  }

  /** Opens a dish to be chosen anew. */
  choose(sku) {
    if (this.#open !== sku) this.#turn(sku);
    const dish = this.element.querySelector(`.dish[data-sku="${CSS.escape(sku)}"]`);
    dish.scrollIntoView({ block: 'center' });
    dish.querySelector('.dish-row').focus({ preventScroll: true });
  }

  #sections(names) {
    if (!names.length) return [h('p.empty', t.emptyMenu)];
    return [
      h(
        'nav.chips',
        { 'aria-label': t.menu },
        h(
          'div.chips-row',
          names.map((name, index) =>
            h(
              'button.chip',
              {
                onclick: () =>
                  this.element.querySelector(`#category-${index}`).scrollIntoView({ block: 'start' }),
              },
              name,
            ),
          ),
        ),
      ),
      ...names.map((name, index) =>
        h(
          'section',
          { id: `category-${index}`, 'aria-labelledby': `category-name-${index}` },
          h('h2', { id: `category-name-${index}` }, name),
          h('ul.dishes'),
        ),
      ),
    ];
  }

  #dish(dish) {
    const hasOptions = dish.option_groups.length > 0;
    const id = `options-${dish.sku}`;
    const row = h(
      'button.dish-row',
      {
        disabled: !dish.available,
        'aria-expanded': hasOptions && dish.available ? 'false' : null,
        'aria-controls': hasOptions && dish.available ? id : null,
        onclick: () => {
          if (hasOptions) this.#turn(dish.sku);
          else this.onAdd({ sku: dish.sku, quantity: 1, options: [] });
        },
      },
      h('span.dish-name', h('b.on-bill', { data: { sku: dish.sku } }), dish.name),
      dish.available
        ? h('span.price', money(dish.price, this.menu))
        : h('span.sold-out', t.soldOut),
      h(`span.sign${hasOptions ? '.unfolds' : ''}`, { 'aria-hidden': 'true' }),
    );
    const fold = h('div.fold', { id, inert: true });
    return h(`li.dish${dish.available ? '' : '.gone'}`, { data: { sku: dish.sku } }, row, fold);
  }

  #turn(sku) {
    for (const shown of [this.#open, sku]) {
      const dish = shown && this.element.querySelector(`.dish[data-sku="${CSS.escape(shown)}"]`);
      if (!dish) continue;
      const isOpening = shown === sku && this.#open !== sku;
      const fold = dish.querySelector('.fold');
      dish.classList.toggle('open', isOpening);
      dish.querySelector('.dish-row').setAttribute('aria-expanded', String(isOpening));
      fold.inert = !isOpening;
      if (isOpening) fold.replaceChildren(this.#options(this.dishes.get(sku)));
    }
    this.#open = this.#open === sku ? '' : sku;
  }

  #options(dish) {
    // What must be chosen is chosen already: the first, which a tap changes.
    const chosen = new Set(
      dish.option_groups.flatMap((group) => group.options.slice(0, group.min).map((o) => o.name)),
    );
    let quantity = 1;
    const foot = h('div.fold-foot');
    const update = () => {
      const price = priceOf(dish, [...chosen]) * quantity;
      foot.replaceChildren(
        stepper({
          name: dish.name,
          value: quantity,
          least: 1,
          key: 'choice',
          onChange: (value) => {
            quantity = value;
            update();
          },
        }),
        h(
          'button.primary',
          {
            onclick: () => {
              this.onAdd({ sku: dish.sku, quantity, options: inMenuOrder(dish, chosen) });
              this.#turn(dish.sku);
              this.element.querySelector(`[data-sku="${CSS.escape(dish.sku)}"] .dish-row`).focus();
            },
          },
          `${t.add} · ${money(price, this.menu)}`,
        ),
      );
    };
    update();
    return h(
      'div.fold-inner',
      dish.option_groups.map((group) => optionGroup(dish, group, chosen, this.menu, update)),
      foot,
    );
  }
}

function optionGroup(dish, group, chosen, menu, onChange) {
  const isSingle = group.min === 1 && group.max === 1;
  const inputs = [];
  const limit = () => {
    const count = inputs.filter((input) => input.checked).length;
    for (const input of inputs) {
      if (!isSingle) {
        input.disabled =
          (!input.checked && count >= group.max) || (input.checked && count <= group.min);
      }
    }
  };
  const rows = group.options.map((option) => {
    const input = h('input', {
      type: isSingle ? 'radio' : 'checkbox',
      name: `${dish.sku}-${group.name}`,
      checked: chosen.has(option.name),
      onchange: () => {
        for (const [index, other] of inputs.entries()) {
          const { name } = group.options[index];
          if (other.checked) chosen.add(name);
          else chosen.delete(name);
        }
        limit();
        onChange();
      },
    });
    inputs.push(input);
    return h(
      'label.option',
      input,
      h('span', option.name),
      option.price !== 0 && h('span.price', money(option.price, menu, 'always')),
    );
  });
  limit();
  const rule = isSingle
    ? t.chooseOne
    : group.min > 0
      ? t.atLeast(group.min)
      : group.max < group.options.length && t.upTo(group.max);
  return h('fieldset', h('legend', h('span', group.name), rule && h('small', rule)), rows);
}

function inMenuOrder(dish, chosen) {
  return dish.option_groups
    .flatMap((group) => group.options.map((option) => option.name))
    .filter((name) => chosen.has(name));
}

function byCategory(dishes) {
  const categories = new Map();
  for (const dish of dishes) {
    categories.set(dish.category, [...(categories.get(dish.category) ?? []), dish]);
  }
  return categories;
}
