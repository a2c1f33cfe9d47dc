// The steps as dots on lanes, one lane for each actor.

import { make } from './element.js';

/**
 * @typedef {{plan: import('./engine.js').Plan, label: string, choose: (index: number) => void}} Timeline
 * @param {Timeline} timeline
 */
export function drawTimeline({ plan, label, choose }) {
  const lanes = plan.actors.map((actor) => actor.name);
  const grid = make('div', { class: 'lanes', role: 'group', 'aria-label': label });
  grid.style.setProperty('--steps', String(plan.steps.length));
  plan.actors.forEach((actor, row) => {
    const title = make('span', { class: 'lane', 'data-actor': actor.name }, actor.title);
    title.style.gridRow = String(2 * row + 1);
    const line = make('span', { class: 'line' });
    line.style.gridRow = String(2 * row + 2);
    grid.append(title, line);
  });
  plan.steps.forEach((step, index) => {
    const dot = make('button', {
      type: 'button',
      class: 'dot',
      'data-actor': step.actor,
      'data-kind': step.kind,
      'data-step': index,
      title: step.title,
      'aria-label': `${index + 1}. ${step.title}`,
      click: () => choose(index),
    });
    dot.style.gridArea = `${2 * Math.max(0, lanes.indexOf(step.actor)) + 2} / ${index + 1}`;
    grid.append(dot);
  });
  grid.addEventListener('keydown', (event) => {
    const move = { ArrowRight: 1, ArrowLeft: -1, Home: -plan.steps.length, End: plan.steps.length }[event.key];
    const from = event.target instanceof HTMLElement ? Number(event.target.dataset.step) : NaN;
    if (move === undefined || Number.isNaN(from)) return;
    event.preventDefault();
    const to = Math.min(plan.steps.length - 1, Math.max(0, from + move));
    choose(to);
    dots(grid)[to].focus();
  });
  return make('div', { class: 'timeline' }, grid);
}

/** @param {ParentNode} parent @returns {HTMLElement[]} */
function dots(parent) {
  return [...parent.querySelectorAll('.dot')].filter((dot) => dot instanceof HTMLElement);
}

/** Shows how much of the plan has been executed. @param {HTMLElement} timeline @param {number} current */
export function markTimeline(timeline, current) {
  dots(timeline).forEach((dot, index) => {
    dot.toggleAttribute('data-done', index < current);
    dot.tabIndex = index === current ? 0 : -1;
    if (index === current) dot.setAttribute('aria-current', 'step');
    else dot.removeAttribute('aria-current');
  });
  const dot = dots(timeline)[current];
  if (!dot) return;
  const middle = dot.offsetLeft - timeline.clientWidth / 2;
  timeline.scrollTo({ left: middle, behavior: matchMedia('(prefers-reduced-motion: reduce)').matches ? 'auto' : 'smooth' });
}
