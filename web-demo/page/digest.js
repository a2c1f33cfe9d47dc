// The display of a digest: its digits in groups that can wrap, with differing digits marked, and colours from its
// bytes.

import { drawing, make } from './element.js';

/**
 * @param {string} digest `sha256:` and 64 digits
 * @param {string} [other] a digest to compare with; digits that differ are marked
 */
export function digestText(digest, other = digest) {
  const [algorithm, hex] = digest.split(':');
  const otherHex = other.split(':')[1];
  const groups = [];
  for (let start = 0; start < hex.length; start += 8) {
    const group = make('span', { class: 'digits' });
    for (let at = start; at < start + 8; at++) {
      group.append(hex[at] === otherHex[at] ? hex[at] : make('mark', {}, hex[at]));
    }
    groups.push(group);
  }
  return make('span', { class: 'digest' }, fingerprint(hex), make('code', {}, make('span', { class: 'digits' }, `${algorithm}:`), ...groups));
}

/** The first bytes as colours, so that two digests can be distinguished at a glance. @param {string} hex */
function fingerprint(hex) {
  const bytes = [0, 1, 2, 3, 4, 5].map((at) => parseInt(hex.slice(2 * at, 2 * at + 2), 16));
  const square = (/** @type {number} */ byte, /** @type {number} */ at) =>
    drawing('rect', { x: at * 10, width: 10, height: 14, fill: `hsl(${Math.round((byte * 360) / 256)} 60% 52%)` });
  return drawing('svg', { viewBox: '0 0 60 14', width: 60, height: 14, 'aria-hidden': 'true', class: 'fingerprint' }, ...bytes.map(square));
}

/** How many digits differ. @param {string} one @param {string} other */
export function differences(one, other) {
  return [...one].filter((digit, at) => digit !== other[at]).length;
}
