/** All that the pages say: English and Russian side by side, chosen by the browser's language. */

const LANGUAGES = ['en', 'ru'];

export const language =
  navigator.languages.map((tag) => tag.slice(0, 2)).find((tag) => LANGUAGES.includes(tag)) ?? 'en';

document.documentElement.lang = language;

const english = new Intl.PluralRules('en');
const russian = new Intl.PluralRules('ru');

/** A number and its noun, kept on one line. */
const en = (n, one, other) => `${n}\u00a0${english.select(n) === 'one' ? one : other}`;
const ru = (n, one, few, many) =>
  `${n}\u00a0${{ one, few, many, other: many }[russian.select(n)]}`;

const WORDS = {
  // Everywhere
  live: ['live', 'на связи'],
  reconnecting: ['reconnecting', 'подключаемся'],
  asOf: [(time) => `as of ${time}`, (time) => `на ${time}`],
  close: ['Close', 'Закрыть'],
  cancel: ['Cancel', 'Отмена'],
  tryAgain: ['Try again', 'Повторить'],
  loading: ['Loading', 'Загружаем'],
  sound: ['Sound', 'Звук'],

  // What went wrong
  offline: [
    'We can’t reach the restaurant. Check your connection and try again.',
    'Ресторан не отвечает. Проверьте связь и попробуйте ещё раз.',
  ],
  busy: ['Too busy right now. Try again in a moment.', 'Сейчас очень занято. Попробуйте через минуту.'],
  failed: ['That didn’t work. Try again.', 'Не получилось. Попробуйте ещё раз.'],
  signedOut: ['You were signed out. Sign in to go on.', 'Вы вышли. Войдите, чтобы продолжить.'],
  notAllowed: ['This account may not do that.', 'Этой учётной записи такое не разрешено.'],
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
  soldOutSince: [
    (dishes) => `Just sold out: ${dishes}. Take it off and order the rest.`,
    (dishes) => `Только что закончилось: ${dishes}. Уберите из счёта и закажите остальное.`,
  ],
  changedMenu: [
    'The menu changed meanwhile. Look at your order again.',
    'Меню успело измениться. Проверьте заказ ещё раз.',
  ],
  tooManyAttempts: [
    'Too many attempts. Wait a minute and try again.',
    'Слишком много попыток. Подождите минуту.',
  ],
  changedMeanwhile: [
    'The order changed meanwhile. Look at it again.',
    'Заказ успел измениться. Посмотрите ещё раз.',
  ],
  tooLate: [
    'The kitchen was quicker: this can’t be changed any more.',
    'Кухня опередила: изменить уже нельзя.',
  ],

  // Accounts
  signIn: ['Sign in', 'Войти'],
  signUp: ['Create account', 'Создать запись'],
  signOut: ['Sign out', 'Выйти'],
  name: ['Name', 'Имя'],
  password: ['Password', 'Пароль'],
  newHere: ['New here? Create an account', 'Впервые у нас? Создайте запись'],
  haveAccount: ['I have an account', 'У меня есть запись'],
  welcomeBack: ['Welcome back', 'С возвращением'],
  welcome: ['Nice to meet you', 'Будем знакомы'],
  signInToOrder: [
    'A name lets us call you when it’s ready.',
    'Имя нужно, чтобы позвать вас, когда всё готово.',
  ],

  // The guest's page
  guestTitle: ['Order', 'Заказ'],
  menu: ['Menu', 'Меню'],
  orders: ['Orders', 'Заказы'],
  kitchenBoard: ['Kitchen', 'Кухня'],
  menuTitle: ['What would you like?', 'Что вам приготовить?'],
  paused: [
    'We take no new orders for a moment.',
    'Новые заказы ненадолго остановлены.',
  ],
  closed: ['We’re closed now.', 'Сейчас закрыто.'],
  closedToday: ['No orders today.', 'Сегодня заказов нет.'],
  openToday: [(times) => `Today’s hours: ${times}.`, (times) => `Сегодня: ${times}.`],
  emptyMenu: ['The menu is being written. Look again in a minute.', 'Меню ещё пишут. Загляните через минуту.'],
  soldOut: ['sold out', 'закончилось'],
  add: ['Add', 'Добавить'],
  save: ['Save', 'Сохранить'],
  chooseOne: ['choose one', 'выберите одно'],
  upTo: [(n) => `up to ${n}`, (n) => `до ${n}`],
  atLeast: [(n) => `at least ${n}`, (n) => `не меньше ${n}`],
  fewer: [(name) => `One ${name} fewer`, (name) => `Меньше: ${name}`],
  more: [(name) => `One ${name} more`, (name) => `Больше: ${name}`],
  quantity: ['Quantity', 'Количество'],
  bill: ['Your order', 'Ваш заказ'],
  emptyBill: [
    'Nothing on the ticket yet. Tap a dish to write it down.',
    'На билете пока пусто. Нажмите на блюдо, и мы запишем.',
  ],
  dishes: [(n) => en(n, 'dish', 'dishes'), (n) => ru(n, 'блюдо', 'блюда', 'блюд')],
  total: ['Total', 'Итого'],
  note: ['A wish for the kitchen', 'Пожелание кухне'],
  noteHint: ['no onion, sauce apart…', 'без лука, соус отдельно…'],
  order: ['Order', 'Заказать'],
  ordering: ['Sending…', 'Отправляем…'],
  saveOrder: ['Save changes', 'Сохранить изменения'],
  dropChanges: ['Leave it as it was', 'Оставить как было'],
  changing: [(n) => (n ? `Changing order ${n}` : 'Changing your order'), (n) => (n ? `Меняем заказ ${n}` : 'Меняем заказ')],
  writtenDown: [(name) => `${name} is on the ticket`, (name) => `${name}: записано`],

  // The ticket
  ticketTitle: [(n) => (n ? `Order ${n}` : 'Your order'), (n) => (n ? `Заказ ${n}` : 'Ваш заказ')],
  yourNumber: ['Your number', 'Ваш номер'],
  numberComes: ['Your number is coming', 'Номер сейчас будет'],
  stops: [
    { placed: 'Placed', queued: 'In line', preparing: 'Cooking', ready: 'Ready', completed: 'Picked up' },
    { placed: 'Принят', queued: 'Очередь', preparing: 'Готовим', ready: 'Готов', completed: 'Выдан' },
  ],
  statuses: [
    {
      placed: 'Sent to the kitchen',
      queued: 'On the rail',
      preparing: 'Cooking now',
      ready: 'Ready for you',
      completed: 'Enjoy your meal',
      cancelled: 'Cancelled',
      rejected: 'The kitchen can’t make this',
    },
    {
      placed: 'Отправлен на кухню',
      queued: 'Ждёт своей очереди',
      preparing: 'Уже готовим',
      ready: 'Готово, забирайте',
      completed: 'Приятного аппетита',
      cancelled: 'Отменён',
      rejected: 'Кухня не сможет это приготовить',
    },
  ],
  waitingForKitchen: [
    'The kitchen will answer in a moment.',
    'Кухня сейчас ответит.',
  ],
  about: [(time) => `About ${time}`, (time) => `Около ${time}`],
  inMinutes: [(n) => `in ${n} min`, (n) => `через ${n} мин`],
  anyMoment: ['any moment now', 'с минуты на минуту'],
  runningLate: [
    (n) => `It takes ${n} min longer than promised. We’re on it.`,
    (n) => `На ${n} мин дольше обещанного. Уже заканчиваем.`,
  ],
  ahead: [
    (n) => `${en(n, 'ticket', 'tickets')} cooking ahead of you.`,
    (n) => `Перед вами готовится ${ru(n, 'заказ', 'заказа', 'заказов')}.`,
  ],
  showNumber: [(n) => `Show number ${n} at the counter.`, (n) => `Назовите номер ${n} у стойки.`],
  pickedUp: ['Picked up. See you again.', 'Заказ выдан. Ждём вас снова.'],
  byTimer: ['our estimate', 'наша оценка'],
  youCancelled: ['You called it off. Nothing will be cooked.', 'Вы отменили заказ. Готовить не будем.'],
  staffCancelled: ['The restaurant called it off.', 'Ресторан отменил заказ.'],
  recalled: [
    'The cook took it back to put something right.',
    'Повар забрал его, чтобы кое-что поправить.',
  ],
  because: [(reason) => `Reason: ${reason}`, (reason) => `Причина: ${reason}`],
  changeOrder: ['Change', 'Изменить'],
  cancelOrder: ['Cancel order', 'Отменить заказ'],
  reallyCancel: ['Cancel the whole order?', 'Отменить весь заказ?'],
  yesCancel: ['Yes, cancel it', 'Да, отменить'],
  keepIt: ['Keep it', 'Оставить'],
  canStillChange: [
    'You can change or cancel it until cooking begins.',
    'Пока не начали готовить, заказ можно изменить или отменить.',
  ],
  cooking: [
    'It’s being cooked, so it can’t be changed any more.',
    'Его уже готовят, изменить нельзя.',
  ],
  orderAgain: ['Order again', 'Заказать ещё раз'],
  orderMore: ['Order something else', 'Заказать что-то ещё'],
  earlier: ['Earlier orders', 'Прошлые заказы'],
  noOrders: ['No orders yet. The menu is waiting.', 'Заказов пока нет. Меню ждёт.'],
  activeTicket: [
    (n) => (n ? `Your ticket ${n}` : 'Your ticket'),
    (n) => (n ? `Ваш билет ${n}` : 'Ваш билет'),
  ],
  noSuchOrder: ['There is no such order.', 'Такого заказа нет.'],

  // The cooks' board
  kitchenTitle: ['Kitchen', 'Кухня'],
  columns: [
    { queued: 'Queued', preparing: 'Cooking', ready: 'Ready' },
    { queued: 'В очереди', preparing: 'Готовим', ready: 'Готово' },
  ],
  columnEmpty: [
    { queued: 'Nothing waits.', preparing: 'Nothing on the stove.', ready: 'Nothing to hand over.' },
    { queued: 'Никто не ждёт.', preparing: 'На плите пусто.', ready: 'Выдавать нечего.' },
  ],
  taps: [
    { queued: 'Start', preparing: 'Ready', ready: 'Hand over' },
    { queued: 'Начать', preparing: 'Готово', ready: 'Выдать' },
  ],
  sending: ['Sending…', 'Отправляем…'],
  lateBy: [(n) => `${n} min late`, (n) => `+${n} мин`],
  dueIn: [(n) => `due in ${n} min`, (n) => `через ${n} мин`],
  dueNow: ['due now', 'пора'],
  waiting: [(n) => `${n} min waiting`, (n) => `ждёт ${n} мин`],
  justNow: ['just now', 'только что'],
  allStations: ['All stations', 'Все станции'],
  stations: ['Stations', 'Станции'],
  elsewhere: [(n) => `+ ${n} at other stations`, (n) => `+ ${n} на других станциях`],
  allDay: ['All day', 'Всего'],
  allDayEmpty: ['Nothing to cook', 'Готовить нечего'],
  findNumber: ['Find number', 'Найти номер'],
  notFound: [(n) => `No ticket ${n} here`, (n) => `Билета ${n} нет`],
  recall: ['Recall', 'Вернуть'],
  recallTitle: [(n) => `Why does ${n} come back?`, (n) => `Почему ${n} возвращается?`],
  recallReasons: [
    ['Something is missing', 'Wrong dish', 'Not done enough'],
    ['Чего-то не хватает', 'Не то блюдо', 'Недоготовлено'],
  ],
  voidTicket: ['Void', 'Снять'],
  voidTitle: [(n) => `Why is ${n} called off?`, (n) => `Почему снимаем ${n}?`],
  voidReasons: [
    ['The guest left', 'We can’t make it', 'Placed by mistake'],
    ['Гость ушёл', 'Не сможем приготовить', 'Заказан по ошибке'],
  ],
  undo: [(n) => `Undo · ${n}`, (n) => `Вернуть · ${n}`],
  handedOver: ['Handed over', 'Выдан'],
  voided: ['Voided', 'Снят'],
  held: ['recalled', 'возвращён'],
  changedFlag: ['Changed by the guest', 'Гость изменил заказ'],
  voidedFlag: ['Called off: stop cooking', 'Отменён: не готовить'],
  gotIt: ['Got it', 'Понятно'],
  movedMeanwhile: [
    (n) => `${n} had moved already.`,
    (n) => `${n} уже сдвинули.`,
  ],
  soldOutSwitch: ['Sold out', 'Стоп-лист'],
  soldOutTitle: ['What can guests order?', 'Что можно заказать?'],
  available: ['available', 'есть'],
  newOrders: ['New orders', 'Новые заказы'],
  taken: ['taken', 'берём'],
  pausedShort: ['paused', 'пауза'],
  light: ['Light', 'Светло'],
  keys: [
    'Arrows move · Enter acts · R recalls · V voids · U undoes · digits find',
    'Стрелки — выбор · Enter — действие · R — вернуть · V — снять · U — отмена · цифры — поиск',
  ],
  newTicket: [(n) => `New ticket ${n}`, (n) => `Новый билет ${n}`],
  staffOnly: [
    'This board is for cooks. Sign in with a kitchen account.',
    'Это доска поваров. Войдите под учётной записью кухни.',
  ],
  notStaff: [
    (login) => `${login} is no kitchen account. Sign in with one that is.`,
    (login) => `${login} — не учётная запись кухни. Войдите под другой.`,
  ],
  staleBoard: [
    (time) => `No news since ${time}. What hangs here may have moved.`,
    (time) => `Новостей нет с ${time}. Билеты могли сдвинуться.`,
  ],

  // The pickup screen
  boardTitle: ['Pickup', 'Выдача'],
  preparing: ['Preparing', 'Готовятся'],
  ready: ['Ready', 'Готовы'],
  noneReady: ['Soon', 'Скоро'],
  staleNumbers: [
    (time) => `No news since ${time}. Please ask at the counter.`,
    (time) => `Новостей нет с ${time}. Спросите у стойки.`,
  ],
  noneReadyHint: ['Numbers appear here when they are ready', 'Здесь появятся готовые номера'],
  nonePreparing: ['The stove is free', 'Плита свободна'],
  nowReady: [(n) => `Number ${n} is ready`, (n) => `Номер ${n} готов`],
  page: [(n, of) => `${n} of ${of}`, (n, of) => `${n} из ${of}`],
};

/** The reader's words, by their names above. */
export const t = Object.fromEntries(
  Object.entries(WORDS).map(([name, pair]) => [name, pair[LANGUAGES.indexOf(language)]]),
);

const KINDS = {
  'sold-out': (facts) => t.soldOutSince((facts.dishes ?? facts.skus ?? []).join(', ')),
  'invalid-order': () => t.changedMenu,
  'house-closed': () => t.closed,
  'orders-paused': () => t.paused,
  'too-many-attempts': () => t.tooManyAttempts,
  'wrong-credentials': () => t.wrongCredentials,
  'login-taken': () => t.loginTaken,
  'version-mismatch': () => t.changedMeanwhile,
  'transition-not-allowed': () => t.tooLate,
};

/** A problem of the API in words for people. */
export function explain(problem) {
  const inWords = KINDS[problem.kind];
  if (inWords) return inWords(problem.facts);
  if (problem.status === 0) return t.offline;
  if (problem.status === 401) return t.signedOut;
  if (problem.status === 403) return t.notAllowed;
  if (problem.isAway) return t.busy;
  return problem.status === undefined ? t.failed : (problem.facts.detail ?? t.failed);
}
