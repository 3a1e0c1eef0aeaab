/** The form to sign in or to make an account. */

import { signIn, signUp } from './api.js';
import { fill, h, sayWhileWaiting } from './dom.js';
import { explain, t } from './words.js';

/**
 * @param {Object} options
 * @param {string} options.hint why to sign in
 * @param {boolean} [options.isNew] whether it begins with making an account
 * @param {(account: {user_id: string, login: string, roles: string[]}) => void} options.onDone
 */
export function signInForm({ hint, canSignUp = true, isNew = false, onDone }) {
  const error = h('p.error', { role: 'alert' });
  const title = h('h2');
  const login = h('input', {
    name: 'login',
    autocomplete: 'username',
    autocapitalize: 'none',
    spellcheck: 'false',
    required: true,
    maxlength: '64',
  });
  const password = h('input', { name: 'password', type: 'password', required: true });
  const submit = h('button.primary', { type: 'submit' });
  const other = h('button.link', { onclick: () => turn(!isNew) });

  function turn(toNew) {
    isNew = toNew;
    title.textContent = isNew ? t.welcome : t.welcomeBack;
    submit.textContent = isNew ? t.signUp : t.signIn;
    other.textContent = isNew ? t.haveAccount : t.newHere;
    password.autocomplete = isNew ? 'new-password' : 'current-password';
    error.textContent = '';
  }

  async function send(event) {
    event.preventDefault();
    error.textContent = '';
    submit.disabled = true;
    const stop = sayWhileWaiting((words) => (submit.textContent = words), t.signingIn, t.stillTrying);
    try {
      onDone(await (isNew ? signUp : signIn)(login.value.trim(), password.value));
    } catch (problem) {
      error.textContent = atFault(problem);
      (problem.facts?.errors?.[0]?.pointer === '/login' ? login : password).focus();
    } finally {
      stop();
      submit.disabled = false;
      submit.textContent = isNew ? t.signUp : t.signIn;
    }
  }

  turn(isNew);
  const form = h('form.sign-in', { onsubmit: send });
  fill(
    form,
    title,
    h('p.hint', hint),
    h('label', t.name, login),
    h('label', t.password, password),
    error,
    submit,
    canSignUp && other,
  );
  return form;
}

/** What is wrong, by the field that the server says is at fault. */
function atFault(problem) {
  const pointer = problem.facts?.errors?.[0]?.pointer;
  if (pointer === '/login') return t.unfitLogin;
  if (pointer === '/password') return t.unfitPassword;
  return explain(problem);
}
