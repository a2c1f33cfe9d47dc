// The isolations as a wall around the process: an arc for each that is in force, a gap for each that is not.

import { drawing } from './element.js';

/** @typedef {'notYet' | 'begun' | 'inForce' | 'leftOut' | 'absent'} State */

/**
 * The state of an isolation after a step.
 * @param {import('./engine.js').Isolation} isolation @param {number} current @param {string[]} without
 * @returns {State}
 */
export function stateOf(isolation, current, without) {
  if (without.includes(isolation.name)) return 'leftOut';
  if (isolation.begins === null || isolation.complete === null) return 'absent';
  if (current < isolation.begins) return 'notYet';
  return current < isolation.complete ? 'begun' : 'inForce';
}

/** @param {State[]} states @param {string} label what the picture says @param {string} name of the process */
export function drawWall(states, label, name) {
  const arcs = states.map((state, at) => {
    const [from, to] = [at, at + 1].map((edge) => (edge / states.length) * 2 * Math.PI - Math.PI / 2);
    const gap = 0.05;
    const point = (/** @type {number} */ angle) => `${(110 + 88 * Math.cos(angle)).toFixed(1)} ${(110 + 88 * Math.sin(angle)).toFixed(1)}`;
    return drawing('path', { d: `M ${point(from + gap)} A 88 88 0 0 1 ${point(to - gap)}`, class: 'arc', 'data-state': state });
  });
  const shown = name.length > 14 ? `${name.slice(0, 13)}…` : name;
  return drawing('svg', { viewBox: '0 0 220 220', role: 'img', 'aria-label': label, class: 'wall' },
    ...arcs,
    drawing('circle', { cx: 110, cy: 110, r: 52, class: 'process' }),
    drawing('text', { x: 110, y: 115, 'text-anchor': 'middle', class: 'process-name' }, shown),
  );
}
