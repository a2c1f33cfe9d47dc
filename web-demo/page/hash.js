// <mc-hash lang="…">: a digest is a name computed from content, from one byte up to the tag of an image.

import { differences, digestText } from './digest.js';
import { Scene, make } from './element.js';
import { digestOf, imageOf } from './engine.js';

const FIRST_LAYERS = ['BusyBox v1.36', 'server 1.0', 'port=80'];

class HashScene extends Scene {
  /** @type {(string | Uint8Array)[]} */
  contents = ['hello world', 'hello World'];
  layers = [...FIRST_LAYERS];

  /** @param {ShadowRoot} root */
  draw(root) {
    const { texts } = this;
    this.compared = make('div', { class: 'pair' });
    this.verdict = make('p', { class: 'verdict', role: 'status' });
    this.image = make('div', { class: 'image' });
    this.reach = make('p', { class: 'verdict', role: 'status' });
    this.outputs = [0, 1].map(() => make('div', { class: 'output' }));
    this.compared.append(...[texts.contentA, texts.contentB].map((label, which) => this.#content(label, which)));
    root.replaceChildren(
      make('section', { class: 'scene', 'aria-labelledby': 'heading' },
        make('h2', { id: 'heading' }, texts.hashHeading),
        make('p', { class: 'intro' }, texts.hashIntro),
        this.compared,
        this.verdict,
        make('h3', {}, texts.imageHeading),
        make('p', { class: 'intro' }, texts.imageIntro),
        this.image,
        this.reach,
      ),
    );
    this.#drawDigests();
    this.#drawImage();
  }

  /** One of the two contents to compare. @param {string} label @param {number} which */
  #content(label, which) {
    const content = this.contents[which];
    const area = make('textarea', { rows: 3, spellcheck: 'false', input: () => this.#set(which, area.value) });
    area.value = typeof content === 'string' ? content : '';
    const file = make('input', {
      type: 'file',
      change: async () => {
        const chosen = file.files?.[0];
        if (!chosen) return;
        area.value = '';
        this.#set(which, new Uint8Array(await chosen.arrayBuffer()));
      },
    });
    const card = make('div', { class: 'card' },
      make('label', {}, make('span', { class: 'name' }, label), area),
      make('label', { class: 'quiet' }, `${this.texts.file} `, file),
    );
    card.append(/** @type {HTMLElement[]} */ (this.outputs)[which]);
    return card;
  }

  /** @param {number} which @param {string | Uint8Array} content */
  #set(which, content) {
    this.contents[which] = content;
    this.#drawDigests();
  }

  #drawDigests() {
    const { texts, contents } = this;
    const digests = contents.map((content) => digestOf(content));
    this.outputs?.forEach((output, which) => {
      const content = contents[which];
      const size = typeof content === 'string' ? new TextEncoder().encode(content).length : content.length;
      output.replaceChildren(
        make('span', { class: 'name' }, `${texts.digestLabel} · ${texts.bytes(size)}`),
        digestText(digests[which], digests[1 - which]),
      );
    });
    const digits = differences(digests[0], digests[1]);
    this.verdict?.replaceChildren(digits === 0 ? texts.same : texts.differ(digits));
    this.verdict?.toggleAttribute('data-same', digits === 0);
  }

  #drawImage() {
    const { texts } = this;
    const before = imageOf(FIRST_LAYERS);
    const now = imageOf(this.layers);
    const layers = now.layers.map((layer, at) => this.#layer(at, layer, before.layers[at]));
    const documentCard = (/** @type {'config' | 'manifest'} */ which, /** @type {string} */ hint) =>
      this.#card(texts[which], now[which].digest !== before[which].digest,
        make('p', { class: 'quiet' }, hint),
        digestText(now[which].digest, before[which].digest),
        make('details', {}, make('summary', {}, texts.document), make('pre', { tabindex: 0 }, now[which].text)),
      );
    this.image?.replaceChildren(
      make('div', { class: 'card tag' },
        make('h4', {}, texts.tag, ' ', make('code', {}, 'app:1.0')),
        make('p', { class: 'quiet' }, texts.tagHint),
        make('p', {}, `${texts.pointsTo} `, make('code', {}, `${now.manifest.digest.slice(0, 19)}…`)),
      ),
      documentCard('manifest', texts.manifestHint),
      documentCard('config', texts.configHint),
      make('div', { class: 'layers' }, ...layers.reverse()),
    );
    const pairs = now.layers.flatMap((layer, at) => [
      [layer.digest, before.layers[at].digest],
      [layer.chainId, before.layers[at].chainId],
    ]).concat([[now.config.digest, before.config.digest], [now.manifest.digest, before.manifest.digest]]);
    const changed = pairs.filter(([one, other]) => one !== other).length;
    const kept = now.layers.filter((layer, at) => layer.digest === before.layers[at].digest).length;
    this.reach?.replaceChildren(changed === 0 ? texts.nothingChanged : texts.reach(changed, kept));
    this.reach?.toggleAttribute('data-same', changed === 0);
  }

  /**
   * @param {number} at
   * @param {{digest: string, chainId: string}} layer
   * @param {{digest: string, chainId: string}} before
   */
  #layer(at, layer, before) {
    const { texts } = this;
    const original = this.layers[at] === FIRST_LAYERS[at];
    const button = make('button', { type: 'button', 'data-layer': at, click: () => this.#flip(at) },
      original ? texts.changeByte : texts.restore);
    button.setAttribute('aria-label', `${texts.layer(at + 1)}: ${button.textContent}`);
    return this.#card(texts.layer(at + 1), layer.digest !== before.digest || layer.chainId !== before.chainId,
      make('p', {}, make('code', { class: 'content' }, this.layers[at]), ' ', button),
      make('span', { class: 'name' }, texts.layerDigest),
      digestText(layer.digest, before.digest),
      make('span', { class: 'name' }, texts.chainId),
      digestText(layer.chainId, before.chainId),
    );
  }

  /** @param {string} title @param {boolean} changed @param {(Node | string)[]} children */
  #card(title, changed, ...children) {
    const { texts } = this;
    return make('div', { class: 'card', 'data-changed': changed },
      make('h4', {}, title, ' ', make('span', { class: 'badge' }, changed ? texts.changed : texts.unchanged)),
      ...children,
    );
  }

  /** Changes the last byte of a layer, or restores it. @param {number} at */
  #flip(at) {
    const [original, now] = [FIRST_LAYERS[at], this.layers[at]];
    const last = String.fromCharCode(original.charCodeAt(original.length - 1) ^ 1);
    this.layers[at] = now === original ? original.slice(0, -1) + last : original;
    this.#drawImage();
    // The button was redrawn: the focus returns to it for keyboard users.
    const button = this.shadowRoot?.querySelector(`[data-layer="${at}"]`);
    if (button instanceof HTMLElement) button.focus();
  }
}

customElements.define('mc-hash', HashScene);
