// Code shared by the page's elements: a shadow root with the style sheet, the language, and helpers to build trees.

import { ready } from './engine.js';
import { texts } from './texts.js';

const sheet = fetch(new URL('./element.css', import.meta.url))
  .then((answer) => answer.text())
  .then((text) => new CSSStyleSheet().replace(text));

/**
 * An element of this page or of a book. Its language is that of its `lang` attribute, or else that of its surroundings,
 * and it is redrawn when that changes.
 */
export class Scene extends HTMLElement {
  /** @type {import('./engine.js').Language} */
  language = 'en';
  #drawn = false;
  #observer = new MutationObserver(() => this.#languageMayHaveChanged());

  get texts() {
    return texts[this.language];
  }

  async connectedCallback() {
    const root = this.shadowRoot ?? this.attachShadow({ mode: 'open' });
    this.#observer.observe(document.documentElement, { attributes: true, attributeFilter: ['lang'] });
    this.#observer.observe(this, { attributes: true, attributeFilter: ['lang'] });
    this.language = this.#wanted();
    try {
      await ready();
      root.adoptedStyleSheets = [await sheet];
      this.language = this.#wanted();
      this.#drawn = true;
      this.draw(root);
    } catch (error) {
      root.replaceChildren(make('p', { role: 'alert' }, `${this.texts.failed} ${error}`));
      throw error;
    }
  }

  disconnectedCallback() {
    this.#observer.disconnect();
  }

  #wanted() {
    const tag = this.closest('[lang]')?.getAttribute('lang') ?? 'en';
    return tag.toLowerCase().startsWith('pt') ? 'pt' : 'en';
  }

  #languageMayHaveChanged() {
    const wanted = this.#wanted();
    if (wanted === this.language || !this.#drawn || !this.shadowRoot) return;
    this.language = wanted;
    this.draw(this.shadowRoot);
  }

  /** Draws everything. @param {ShadowRoot} root */
  draw(root) {
    root.replaceChildren();
  }
}

/**
 * An HTML element. Attributes that are functions become event listeners; false and undefined omit an attribute.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, string | number | boolean | undefined | ((event: Event) => void)>} attributes
 * @param {(Node | string)[]} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  decorate(element, attributes);
  element.append(...children);
  return element;
}

/**
 * An SVG element.
 * @param {string} tag
 * @param {Record<string, string | number | boolean | undefined>} attributes
 * @param {(Node | string)[]} children
 */
export function drawing(tag, attributes = {}, ...children) {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
  decorate(element, attributes);
  element.append(...children);
  return element;
}

/**
 * @param {Element} element
 * @param {Record<string, string | number | boolean | undefined | ((event: Event) => void)>} attributes
 */
function decorate(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') element.addEventListener(name, value);
    else if (value === true) element.setAttribute(name, '');
    else if (value !== false && value !== undefined) element.setAttribute(name, String(value));
  }
}
