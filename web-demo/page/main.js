// The page around the elements: its language, from `?lang=`, else from the browser's preferences.

import './hash.js';
import './plan.js';
import { texts } from './texts.js';

/** @returns {import('./engine.js').Language} */
function wanted() {
  const asked = new URLSearchParams(location.search).get('lang') ?? navigator.language;
  return asked.toLowerCase().startsWith('pt') ? 'pt' : 'en';
}

/** @param {import('./engine.js').Language} language */
function speak(language) {
  document.documentElement.lang = language === 'pt' ? 'pt-BR' : 'en';
  document.title = `minicontainer: ${texts[language].title}`;
  for (const element of document.querySelectorAll('[data-text]')) {
    const key = /** @type {'title' | 'subtitle' | 'footer'} */ (element.getAttribute('data-text'));
    element.textContent = texts[language][key];
  }
  for (const link of document.querySelectorAll('nav a')) {
    const current = link.getAttribute('href') === `?lang=${language}`;
    current ? link.setAttribute('aria-current', 'true') : link.removeAttribute('aria-current');
  }
}

// The page is not reloaded, so that the typed text stays.
document.querySelector('nav')?.addEventListener('click', (event) => {
  const link = event.target instanceof Element ? event.target.closest('a') : null;
  if (!link) return;
  event.preventDefault();
  history.pushState(null, '', link.href);
  speak(wanted());
});
addEventListener('popstate', () => speak(wanted()));
speak(wanted());
