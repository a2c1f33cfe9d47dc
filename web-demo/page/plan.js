// <mc-plan lang="…">: what a container is: the engine's own plan, step by step. The code contains no names of steps,
// fields or isolations: it draws whatever the plan contains.

import { Scene, make } from './element.js';
import { planOf } from './engine.js';
import { drawTimeline, markTimeline } from './timeline.js';
import { fieldList, manualLink } from './value.js';
import { drawWall, stateOf } from './wall.js';

const PACE = 1800; // milliseconds per step while playing, enough to read its title

class PlanScene extends Scene {
  options = {
    command: 'sh', memory: '64m', cpus: '0.5', pids: '32', hostname: 'web-1',
    network: 'none', identity: 'root', cgroup: 'v2', readOnly: false,
  };
  /** @type {string[]} */
  without = [];
  current = 0;
  /** @type {import('./engine.js').Plan | undefined} */
  plan;
  /** @type {number | undefined} */
  timer;

  disconnectedCallback() {
    super.disconnectedCallback();
    this.#pause();
  }

  /** @param {ShadowRoot} root */
  draw(root) {
    const { texts } = this;
    this.#pause();
    this.commandLine = make('code', { class: 'command' });
    this.trouble = make('p', { role: 'alert', class: 'trouble' });
    this.stage = make('div', { class: 'stage' });
    this.timeline = make('div');
    this.position = make('span', { class: 'position', role: 'status' });
    this.playButton = make('button', { type: 'button', class: 'play', click: () => this.#toggle() }, texts.play);
    this.card = make('article', { class: 'card step' });
    this.panel = make('div', { class: 'card panel' });
    this.list = make('ol', { class: 'all' });
    this.stage.append(
      this.timeline,
      make('div', { class: 'player' },
        make('button', { type: 'button', class: 'previous', click: () => this.#step(-1) }, texts.previous),
        this.playButton,
        make('button', { type: 'button', class: 'next', click: () => this.#step(1) }, texts.next),
        this.position,
      ),
      make('div', { class: 'columns' }, this.card, this.panel),
      make('details', {}, make('summary', {}, texts.allSteps), this.list),
    );
    root.replaceChildren(
      make('section', { class: 'scene', 'aria-labelledby': 'heading' },
        make('h2', { id: 'heading' }, texts.planHeading),
        make('p', { class: 'intro' }, texts.planIntro),
        this.#form(),
        make('p', { class: 'terminal' }, `${texts.sameInTerminal} `, this.commandLine),
        this.trouble,
        this.stage,
      ),
    );
    this.#replan();
  }

  /** The form with the options of `run`. */
  #form() {
    const { texts } = this;
    const text = (/** @type {'command' | 'memory' | 'cpus' | 'pids' | 'hostname'} */ name) => {
      const input = make('input', { type: 'text', name, spellcheck: 'false', autocomplete: 'off', value: this.options[name],
        input: () => this.#set(name, input.value) });
      return make('label', {}, make('span', { class: 'name' }, texts[name]), input);
    };
    const choice = (/** @type {'network' | 'identity' | 'cgroup'} */ name, /** @type {Record<string, string>} */ values) => {
      const select = make('select', { name, change: () => this.#set(name, select.value) },
        ...Object.entries(values).map(([value, label]) => make('option', { value, selected: this.options[name] === value }, label)));
      return make('label', {}, make('span', { class: 'name' }, texts[name]), select);
    };
    const readOnly = make('input', { type: 'checkbox', name: 'readOnly', checked: this.options.readOnly,
      change: () => this.#set('readOnly', readOnly.checked) });
    return make('fieldset', {},
      make('legend', {}, texts.options),
      text('command'), text('memory'), text('cpus'), text('pids'), text('hostname'),
      choice('network', { none: texts.networkNone, host: texts.networkHost }),
      choice('identity', { root: texts.identityRoot, user: texts.identityUser }),
      choice('cgroup', { v2: 'cgroup v2', v1: 'cgroup v1' }),
      make('label', { class: 'check' }, readOnly, make('span', {}, texts.readOnly)),
    );
  }

  /** @param {string} name @param {string | boolean} value */
  #set(name, value) {
    this.options = { ...this.options, [name]: value };
    this.#replan();
  }

  /** Gets the plan from the engine, and keeps the current step if the new plan still has it. */
  #replan() {
    const command = this.options.command.split(/\s+/).filter((word) => word !== '');
    const answer = planOf({ ...this.options, command, without: this.without }, this.language);
    const trouble = 'error' in answer ? answer.error : '';
    this.trouble?.replaceChildren(trouble);
    this.trouble?.toggleAttribute('hidden', trouble === '');
    this.stage?.toggleAttribute('inert', trouble !== '');
    if ('error' in answer) return this.#pause();
    const here = this.plan?.steps[this.current];
    const same = answer.plan.steps.findIndex((step) => step.kind === here?.kind && JSON.stringify(step.fields) === JSON.stringify(here?.fields));
    this.current = same >= 0 ? same : Math.min(this.current, answer.plan.steps.length - 1);
    this.plan = answer.plan;
    this.commandLine?.replaceChildren(answer.plan.commandLine);
    const timeline = drawTimeline({ plan: answer.plan, label: this.texts.timeline, choose: (index) => this.#choose(index) });
    this.timeline?.replaceWith(timeline);
    this.timeline = timeline;
    this.list?.replaceChildren(...answer.plan.steps.map((step) => make('li', { 'data-kind': step.kind }, step.title)));
    this.#drawPanel();
    this.#show();
  }

  /** @param {number} index */
  #choose(index) {
    this.#pause();
    this.current = index;
    this.#show();
  }

  /** @param {number} by */
  #step(by) {
    const last = (this.plan?.steps.length ?? 1) - 1;
    this.#choose(Math.min(last, Math.max(0, this.current + by)));
  }

  #toggle() {
    if (this.timer !== undefined) return this.#pause();
    const last = (this.plan?.steps.length ?? 1) - 1;
    if (this.current >= last) this.current = 0;
    this.#show();
    this.timer = window.setInterval(() => {
      this.current += 1;
      this.#show();
      if (this.current >= last) this.#pause();
    }, PACE);
    this.playButton?.replaceChildren(this.texts.pause);
  }

  #pause() {
    clearInterval(this.timer);
    this.timer = undefined;
    this.playButton?.replaceChildren(this.texts.play);
  }

  /** Shows the current step. */
  #show() {
    const { texts, plan } = this;
    const step = plan?.steps[this.current];
    if (!plan || !step) return;
    if (this.timeline) markTimeline(this.timeline, this.current);
    this.position?.replaceChildren(texts.stepOf(this.current + 1, plan.steps.length));
    const actor = plan.actors.find((one) => one.name === step.actor)?.title ?? step.actor;
    const hasFields = Object.keys(step.fields).length > 0;
    this.card?.replaceChildren(
      make('p', { class: 'actor', 'data-actor': step.actor }, actor),
      make('h3', {}, step.title),
      make('h4', {}, texts.why),
      make('p', {}, step.why),
      make('h4', {}, texts.systemCalls),
      step.systemCalls.length > 0 ? make('pre', { tabindex: 0, 'aria-label': texts.systemCalls }, step.systemCalls.join('\n')) : make('p', {}, texts.none),
      ...(hasFields ? [make('details', {}, make('summary', {}, texts.fields), fieldList(step.fields))] : []),
      make('h4', {}, texts.manPages),
      make('p', { class: 'pages' }, ...step.manPages.flatMap((page, at) => (at > 0 ? [' · ', manualLink(page)] : [manualLink(page)]))),
    );
    this.#drawStates();
  }

  /** The isolations as check boxes. They are drawn once per plan, so that the focus stays while the steps change. */
  #drawPanel() {
    const { texts, plan } = this;
    if (!plan) return;
    const focused = this.shadowRoot?.activeElement?.getAttribute('data-isolation');
    const items = plan.isolations.map((isolation) => {
      const box = make('input', { type: 'checkbox', 'data-isolation': isolation.name, checked: !this.without.includes(isolation.name),
        change: () => {
          this.without = box.checked ? this.without.filter((name) => name !== isolation.name) : [...this.without, isolation.name];
          this.#replan();
        } });
      return make('li', {},
        make('label', { class: 'check' }, box, make('span', {}, isolation.title)),
        make('span', { class: 'badge' }),
        make('p', { class: 'leak' }, isolation.without),
      );
    });
    this.wall = make('div');
    this.panel?.replaceChildren(
      make('h3', {}, texts.isolations),
      this.wall,
      make('p', { class: 'quiet' }, texts.isolationsHint),
      make('ul', { class: 'isolations' }, ...items),
    );
    const box = this.panel?.querySelector(`[data-isolation="${focused}"]`);
    if (box instanceof HTMLElement) box.focus();
  }

  #drawStates() {
    const { texts, plan } = this;
    if (!plan) return;
    const states = plan.isolations.map((isolation) => stateOf(isolation, this.current, this.without));
    const held = states.filter((state) => state === 'inForce').length;
    this.wall?.replaceChildren(drawWall(states, texts.wall(held, states.length), this.options.command.split(' ')[0]));
    this.panel?.querySelectorAll('li').forEach((item, at) => {
      item.dataset.state = states[at];
      item.querySelector('.badge')?.replaceChildren(texts[states[at]]);
    });
  }
}

customElements.define('mc-plan', PlanScene);
