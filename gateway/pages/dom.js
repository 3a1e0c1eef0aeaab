/** Building and updating the page, without a framework. */

/**
 * An element.
 *
 * @param {string} tag its name, and classes after dots: `button.primary`
 * @param {Object} [properties] attributes; `onclick` and the like are listeners, `data` and
 *   `style` are objects, and what is null, undefined or false is left out
 * @param {...(Node|string|number|null|false|Array)} children
 */
export function h(tag, ...children) {
  const properties = children[0]?.constructor === Object ? children.shift() : {};
  const [name, ...classes] = tag.split('.');
  const element = document.createElement(name);
  // None sends a form unless it says so.
  if (name === 'button') element.type = 'button';
  if (classes.length) element.className = classes.join(' ');
  for (const [key, value] of Object.entries(properties)) {
    if (value == null || value === false) continue;
    if (key.startsWith('on')) element.addEventListener(key.slice(2), value);
    else if (key === 'data') Object.assign(element.dataset, value);
    else if (key === 'style') {
      // Not the attribute: the pages' policy forbids inline styles.
      for (const [property, text] of Object.entries(value)) element.style.setProperty(property, text);
    } else if (key === 'value' || key === 'checked') element[key] = value;
    else element.setAttribute(key, value === true ? '' : value);
  }
  element.append(...shown(children));
  return element;
}

function shown(children) {
  return children.flat(Infinity).filter((child) => child != null && child !== false);
}

/**
 * Puts `children` in the place of what `parent` holds; what had the focus (by `data-key`) keeps it.
 * Where it is gone, the heading has the focus, which is never lost.
 */
export function fill(parent, ...children) {
  const hadFocus = parent.contains(document.activeElement);
  keepFocus(parent, () => parent.replaceChildren(...shown(children)));
  if (hadFocus && !parent.contains(document.activeElement)) focusHead(parent);
}

/** Moves the focus to the first heading of `parent`, where screen readers go on. */
export function focusHead(parent) {
  const head = parent.querySelector('h1, h2');
  if (!head) return;
  head.tabIndex = -1;
  head.focus({ preventScroll: true });
}

/** A wait that is longer says more. */
const STILL_MS = 4_000;

/**
 * Says that something is under way, and after a while that it still is.
 *
 * @param {(words: string) => void} say
 * @param {string} words at first
 * @param {string} still the words after that
 * @returns {() => void} ends it
 */
export function sayWhileWaiting(say, words, still) {
  say(words);
  const timer = setTimeout(() => say(still), STILL_MS);
  return () => clearTimeout(timer);
}

/** Runs `render`, after which the element with the focused one's `data-key` has the focus. */
export function keepFocus(parent, render) {
  const focused = parent.contains(document.activeElement) ? document.activeElement : null;
  const key = focused?.dataset.key;
  const { selectionStart, selectionEnd } = focused ?? {};
  render();
  if (!key || document.activeElement === focused) return;
  const again = parent.querySelector(`[data-key="${CSS.escape(key)}"]`);
  again?.focus({ preventScroll: true });
  // Who writes goes on where the caret was.
  if (selectionStart != null) again?.setSelectionRange?.(selectionStart, selectionEnd);
}

/**
 * Makes `parent` hold one element for each of `items`, in their order. An element stays as long as
 * its item looks the same, so that what did not change neither flickers nor moves.
 *
 * @param {Element} parent
 * @param {Array} items plain data: all that `build` shows
 * @param {(item) => string} keyOf
 * @param {(item, isNew: boolean) => Element} build
 */
export function syncChildren(parent, items, keyOf, build) {
  const before = new Map([...parent.children].map((child) => [child.dataset.item, child]));
  const after = items.map((item) => {
    const key = keyOf(item);
    const look = JSON.stringify(item);
    const old = before.get(key);
    if (old && looks.get(old) === look) return old;
    const element = build(item, !old);
    element.dataset.item = key;
    looks.set(element, look);
    return element;
  });
  const same =
    after.length === parent.children.length &&
    after.every((child, index) => child === parent.children[index]);
  if (!same) parent.replaceChildren(...after);
}

/** @type {WeakMap<Element, string>} what each element of `syncChildren` was built from */
const looks = new WeakMap();

/** A dialog is called what its heading says. */
export function nameDialog(dialog) {
  const heading = dialog.querySelector('h2');
  heading.id = 'dialog-name';
  dialog.setAttribute('aria-labelledby', heading.id);
}

/** A line of text that screen readers speak when it changes. */
export function announcer() {
  const line = h('p.unseen', { role: 'status', 'aria-live': 'polite' });
  document.body.append(line);
  return (text) => {
    line.textContent = text;
  };
}
