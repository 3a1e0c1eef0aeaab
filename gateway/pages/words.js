/** What all pages say, in English and Russian; each page has more of its own. */

import { dayAndTime } from './format.js';

const LANGUAGES = ['en', 'ru'];

export const language =
  navigator.languages.map((tag) => tag.slice(0, 2)).find((tag) => LANGUAGES.includes(tag)) ?? 'en';

document.documentElement.lang = language;

const plural = new Intl.PluralRules(language);

/** A number and its noun, kept on one line; English has no third form. */
export const counted = (n, one, few, many = few) =>
  `${n}\u00a0${{ one, few, many, other: many }[plural.select(n)]}`;

const WORDS = {
  // Everywhere
  live: ['live', 'на связи'],
  reconnecting: ['reconnecting', 'подключаемся'],
  asOf: [(time) => `Last updated ${time}`, (time) => `данные на ${time}`],
  close: ['Close', 'Закрыть'],
  tryAgain: ['Try again', 'Повторить'],
  loading: ['Loading', 'Загружаем'],

  // What went wrong
  stillTrying: ['Still trying…', 'Всё ещё пробуем…'],
  offline: [
    'You’re offline. Check your connection and try again.',
    'Нет интернета. Проверьте связь и попробуйте ещё раз.',
  ],
  unreachable: [
    'We can’t reach the restaurant. Try again; if that doesn’t help, check your connection.',
    'Ресторан недоступен. Попробуйте ещё раз; если не поможет, проверьте связь.',
  ],
  slow: [
    'The restaurant’s system is slow to answer. Try again in a moment.',
    'Система ресторана отвечает слишком долго. Попробуйте ещё раз чуть позже.',
  ],
  busy: [
    'The restaurant’s system doesn’t answer right now. Try again in a moment.',
    'Система ресторана сейчас не отвечает. Попробуйте ещё раз чуть позже.',
  ],
  backlogFull: [
    'The kitchen can’t take orders this way right now. Order at the counter.',
    'Кухня сейчас не принимает заказы отсюда. Закажите на кассе.',
  ],
  failed: ['That didn’t work. Try again.', 'Не получилось. Попробуйте ещё раз.'],
  broken: [
    'Something broke in the restaurant’s system. Try again, or ask the staff.',
    'В системе ресторана что-то сломалось. Попробуйте ещё раз или обратитесь к персоналу.',
  ],
  reload: [
    'This page can’t do that as it stands. Reload it and try again.',
    'Страница устарела. Обновите её и попробуйте ещё раз.',
  ],
  signedOut: ['You were signed out. Sign in to go on.', 'Вы вышли. Войдите, чтобы продолжить.'],
  notAllowed: ['This account isn’t allowed to do that.', 'Недостаточно прав.'],
  openThere: [(url) => `Open ${url} instead.`, (url) => `Откройте ${url}.`],
  notSetUp: ['This address isn’t set up yet. Tell the staff.', 'Адрес не настроен. Скажите персоналу.'],
  wrongCredentials: ['Name or password is wrong.', 'Неверное имя или пароль.'],
  loginTaken: [
    'That name is taken. Choose another, or sign in.',
    'Это имя занято. Выберите другое или войдите.',
  ],
  unfitLogin: ['Use a name of 1 to 64 characters.', 'Имя — от 1 до 64 знаков.'],
  unfitPassword: [
    'Choose a password of 8 characters or more that nobody would guess.',
    'Выберите пароль от 8 знаков, который никто не угадает.',
  ],
  soldOutSince: ['Something has just sold out.', 'Кое-что только что закончилось.'],
  changedMenu: ['Your order needs a change.', 'В заказе нужно кое-что поправить.'],
  noSuchOrder: ['There is no such order.', 'Такого заказа нет.'],
  sentBefore: [
    'This was sent before with other contents. Check your orders, then send it again.',
    'Такой заказ уже отправлен с другим содержимым. Проверьте свои заказы и отправьте ещё раз.',
  ],
  tellWhy: ['Say why, then try again.', 'Укажите причину и попробуйте ещё раз.'],
  noSuchDish: ['That dish isn’t on the menu any more.', 'Этого блюда больше нет в меню.'],
  noSuchTicket: ['That ticket isn’t here any more.', 'Этого заказа здесь уже нет.'],
  ticketMoved: ['It has already moved. Please check it.', 'Заказ уже изменён. Проверьте его.'],
  wrongKitchen: [
    'There’s no such kitchen here. Open the page anew from the restaurant’s link.',
    'Такой кухни здесь нет. Откройте страницу по ссылке ресторана.',
  ],
  tooManyTabs: [
    'Too many pages are open. Close some and try again.',
    'Открыто слишком много страниц. Закройте лишние и попробуйте ещё раз.',
  ],
  tooManyAttempts: [
    (n) => `Too many attempts. Try again in ${n > 1 ? counted(n, 'minute', 'minutes') : 'a minute'}.`,
    (n) => `Слишком много попыток. Попробуйте через ${n > 1 ? counted(n, 'минуту', 'минуты', 'минут') : 'минуту'}.`,
  ],
  changedMeanwhile: [
    'The order has changed. Please check it.',
    'Заказ изменился. Проверьте его.',
  ],
  tooLate: ['Cooking has started, so this can’t change.', 'Уже готовим, изменить нельзя.'],
  notNow: ['That’s no longer possible. Please check the order.', 'Это уже невозможно. Проверьте заказ.'],
  paused: ['Orders are paused.', 'Приём заказов на паузе.'],
  pausedUntil: [
    (time) => `Orders are paused until ${time}.`,
    (time) => `Приём заказов на паузе до ${time}.`,
  ],
  because: [(reason) => `Reason: ${reason}`, (reason) => `Причина: ${reason}`],
  soldOut: ['sold out', 'закончилось'],
  closed: ['We’re closed now.', 'Сейчас закрыто.'],

  // Accounts
  signIn: ['Sign in', 'Войти'],
  signingIn: ['Signing in…', 'Входим…'],
  signUp: ['Create account', 'Зарегистрироваться'],
  signOut: ['Sign out', 'Выйти'],
  name: ['Name', 'Имя'],
  password: ['Password', 'Пароль'],
  newHere: ['New here? Create an account', 'Впервые у нас? Зарегистрируйтесь'],
  haveAccount: ['I already have an account', 'Уже есть аккаунт'],
  welcomeBack: ['Welcome back', 'С возвращением'],
  welcome: ['Nice to meet you', 'Будем знакомы'],
  signInToOrder: [
    'You’ll get a number; watch for it here.',
    'Вы получите номер заказа. Следите за ним здесь.',
  ],
};

/** The reader's of these. @param {Object<string, [*, *]>} words each in English and in Russian */
export function choose(words) {
  const index = LANGUAGES.indexOf(language);
  return Object.fromEntries(Object.entries(words).map(([name, pair]) => [name, pair[index]]));
}

export const t = choose(WORDS);

const tooMany = ({ retry_after: seconds = 60 }) => t.tooManyAttempts(Math.ceil(seconds / 60));

/** Why and until when orders are paused: what `/house` and `orders-paused` both tell. */
export function pausedWords({ until, reason }) {
  const words = until ? t.pausedUntil(dayAndTime(until)) : t.paused;
  return reason ? `${words} ${t.because(reason)}` : words;
}

const KINDS = {
  'no-answer': () => t.slow,
  'sold-out': () => t.soldOutSince,
  'invalid-order': () => t.changedMenu,
  'invalid-request': () => t.changedMenu,
  'price-changed': () => t.changedMeanwhile,
  'house-closed': () => t.closed,
  'orders-paused': pausedWords,
  'too-many-attempts': tooMany,
  'too-many-orders': tooMany,
  'too-many-streams-of-user': () => t.tooManyTabs,
  'hashing-busy': () => t.busy,
  'backlog-full': () => t.backlogFull,
  'idempotency-key-reused': () => t.sentBefore,
  'wrong-credentials': () => t.wrongCredentials,
  'login-taken': () => t.loginTaken,
  'cross-origin-request': ({ public_origins: at }) => (at ? t.openThere(at[0]) : t.notSetUp),
  'version-mismatch': () => t.changedMeanwhile,
  'transition-not-allowed': ({ current_status: status }) =>
    ['cancelled', 'rejected', 'completed'].includes(status) ? t.notNow : t.tooLate,
  'order-not-found': () => t.noSuchOrder,
  'dish-not-found': () => t.noSuchDish,
  'kitchen-not-found': () => t.wrongKitchen,
  'ticket-not-found': () => t.noSuchTicket,
  'ticket-moved': () => t.ticketMoved,
  'move-not-allowed': () => t.ticketMoved,
  'reason-needed': () => t.tellWhy,
  'reason-missing': () => t.tellWhy,
};

/** A problem of the API in words for people; never in the server's own, which are English. */
export function explain(problem) {
  const inWords = KINDS[problem.kind];
  if (inWords) return inWords(problem.facts);
  const { status } = problem;
  if (status === 0) return navigator.onLine ? t.unreachable : t.offline;
  if (status === 401) return t.signedOut;
  if (status === 403) return t.notAllowed;
  if (status === 429) return tooMany(problem.facts);
  if (problem.isAway && status !== 502) return t.busy;
  if (status >= 500) return t.broken;
  return status >= 400 ? t.reload : t.failed;
}
