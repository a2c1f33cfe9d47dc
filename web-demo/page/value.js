// Displays any value of a step; it contains no names of fields.

import { make } from './element.js';

/** @param {Record<string, unknown>} fields */
export function fieldList(fields) {
  const list = make('dl', { class: 'fields' });
  for (const [name, value] of Object.entries(fields)) {
    list.append(make('dt', {}, name.replaceAll('_', ' ')), make('dd', {}, shown(value)));
  }
  return list;
}

/** @param {unknown} value @returns {Node | string} */
function shown(value) {
  if (value === null || value === '' || (Array.isArray(value) && value.length === 0)) return '—';
  if (Array.isArray(value)) {
    const simple = value.every((item) => typeof item !== 'object');
    const items = value.map((item) => make('li', {}, Array.isArray(item) ? pair(item) : shown(item)));
    return make('ul', { class: simple ? 'simple' : '' }, ...items);
  }
  if (typeof value === 'object') return fieldList(/** @type {Record<string, unknown>} */ (value));
  return make('code', {}, String(value));
}

/** @param {unknown[]} items */
function pair(items) {
  return make('code', {}, items.filter((item) => item !== '').join(' = '));
}

/** A manual page as a link, `pivot_root(2)`. @param {string} page */
export function manualLink(page) {
  const [, name, section] = /^(.+)\((\d)[a-z]*\)$/.exec(page) ?? [];
  if (!name) return make('code', {}, page);
  const address = `https://man7.org/linux/man-pages/man${section}/${name}.${section}.html`;
  return make('a', { href: address, rel: 'external noopener' }, page);
}
