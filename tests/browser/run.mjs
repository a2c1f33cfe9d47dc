// Tests web-demo in a headless Chromium, in both languages. Prints a line for each test and `N passed, N failed`;
// exits with 1 if a test failed.
//
//   web-demo/build && (cd tests/browser && npm install && node run.mjs [--screenshots FOLDER])
//
// The variable CHROMIUM can name another browser than /usr/bin/chromium.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { chromium } from 'playwright-core';

import { serve } from './server.mjs';

const folder = fileURLToPath(new URL('../../web-demo/', import.meta.url));
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const flag = process.argv.indexOf('--screenshots');
const screenshots = flag > 0 ? process.argv[flag + 1] : undefined;

/** @typedef {import('playwright-core').Page} Page */
/** @typedef {'en' | 'pt'} Language */

const WORDS = {
  en: { heading: 'What is a container?', pivot: 'Change the root to the new tree, and detach the host\'s', play: 'Play', pause: 'Pause', leftOut: 'left out', same: 'Same content, same digest.' },
  pt: { heading: 'O que é um contêiner?', pivot: 'Trocar a raiz pela nova árvore e desmontar a do host', play: 'Reproduzir', pause: 'Pausar', leftOut: 'deixado de fora', same: 'Mesmo conteúdo, mesmo digest.' },
};

const sha256 = (/** @type {string | Buffer} */ content) => `sha256:${createHash('sha256').update(content).digest('hex')}`;

/** The plan that the module returns for the initial options of the page. @param {Page} page @param {Language} language @param {string[]} without */
function planOf(page, language, without = []) {
  return page.evaluate(async ([language, without]) => {
    const engine = await import(new URL('page/engine.js', location.href).href);
    await engine.ready();
    const scene = /** @type {any} */ (document.querySelector('mc-plan'));
    return engine.planOf({ ...scene.options, command: scene.options.command.split(' '), without }, language).plan;
  }, /** @type {[string, string[]]} */ ([language, without]));
}

const kindsShown = (/** @type {Page} */ page) =>
  page.locator('mc-plan .dot').evaluateAll((dots) => dots.map((dot) => dot.getAttribute('data-kind')));

/** @type {Record<string, (page: Page, language: Language) => Promise<void>>} */
const tests = {
  async 'the page is in the selected language'(page, language) {
    assert.equal(await page.locator('html').getAttribute('lang'), language === 'pt' ? 'pt-BR' : 'en');
    assert.equal(await page.locator('h1').textContent(), WORDS[language].heading);
    await page.locator('mc-plan h2').waitFor();
  },

  async 'the digest shown is the SHA-256 of the typed text'(page, language) {
    const areas = page.locator('mc-hash textarea');
    for (const text of ['', 'hello world', 'ação 🐋\n']) {
      await areas.nth(0).fill(text);
      assert.equal(await page.locator('mc-hash .output code').nth(0).textContent(), sha256(text));
    }
    await areas.nth(1).fill('ação 🐋\n');
    assert.equal(await page.locator('mc-hash .verdict').nth(0).textContent(), WORDS[language].same);
    assert.equal(await page.locator('mc-hash .output mark').count(), 0);
    await areas.nth(1).fill('ação 🐋');
    assert.notEqual(await page.locator('mc-hash .output mark').count(), 0);
  },

  async 'the digest of a file is the SHA-256 of its bytes'(page) {
    const bytes = Buffer.from([0, 255, 128, 10, 13]);
    await page.locator('mc-hash input[type=file]').nth(0).setInputFiles({ name: 'x', mimeType: 'application/octet-stream', buffer: bytes });
    await page.waitForFunction((wanted) => document.querySelector('mc-hash')?.shadowRoot?.querySelector('.output code')?.textContent === wanted, sha256(bytes));
  },

  async 'one changed byte changes the manifest, but not the other layers'(page) {
    const cards = page.locator('mc-hash .image [data-changed]');
    assert.equal(await cards.count(), 0);
    await page.locator('mc-hash button[data-layer="1"]').click();
    // Layer 2 itself, the chain id of layer 3 above it, the config and the manifest change. Layer 1 below does not.
    assert.equal(await cards.count(), 4);
    const manifest = page.locator('mc-hash .image > .card').nth(1);
    const text = await manifest.locator('pre').textContent();
    assert.equal(await manifest.locator('.digest code').textContent(), sha256(text ?? ''));
    assert.equal(await page.evaluate(() => document.querySelector('mc-hash')?.shadowRoot?.activeElement?.getAttribute('data-layer')), '1');
    await page.locator('mc-hash button[data-layer="1"]').click();
    assert.equal(await cards.count(), 0);
  },

  async 'the steps shown are those of the plan'(page, language) {
    const plan = await planOf(page, language);
    assert.ok(plan.steps.length > 20);
    assert.deepEqual(await kindsShown(page), plan.steps.map((/** @type {any} */ step) => step.kind));
    assert.deepEqual(await page.locator('mc-plan .all li').allTextContents(), plan.steps.map((/** @type {any} */ step) => step.title));
    assert.ok(plan.steps.some((/** @type {any} */ step) => step.title === WORDS[language].pivot));
  },

  async 'every step can be selected and shows all of its details'(page, language) {
    const plan = await planOf(page, language);
    for (const [index, step] of plan.steps.entries()) {
      assert.equal(await page.locator('mc-plan .dot[aria-current]').getAttribute('data-step'), String(index));
      const card = await page.locator('mc-plan .step').textContent();
      for (const part of [step.title, step.why, ...step.systemCalls, ...step.manPages, ...Object.keys(step.fields).map((name) => name.replaceAll('_', ' '))]) {
        assert.ok(card?.includes(part), `${step.kind}: ${part}`);
      }
      await page.locator('mc-plan .next').click();
    }
    const states = await page.locator('mc-plan .isolations li').evaluateAll((items) => items.map((item) => /** @type {HTMLElement} */ (item).dataset.state));
    assert.ok(states.every((state) => state === 'inForce' || state === 'absent'), states.join());
    assert.ok(states.filter((state) => state === 'inForce').length >= 9, states.join());
  },

  async 'the arrow keys move along the timeline'(page) {
    await page.locator('mc-plan .dot[aria-current]').focus();
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowLeft');
    assert.equal(await page.locator('mc-plan .dot[aria-current]').getAttribute('data-step'), '1');
    assert.equal(await page.locator('mc-plan .dot:focus').getAttribute('data-step'), '1');
  },

  async 'play advances automatically until pause'(page, language) {
    const button = page.locator('mc-plan .play');
    await button.click();
    assert.equal(await button.textContent(), WORDS[language].pause);
    await page.locator('mc-plan .dot[data-step="1"][aria-current]').waitFor({ timeout: 5000 });
    await button.click();
    assert.equal(await button.textContent(), WORDS[language].play);
  },

  async 'leaving out pid removes its namespace from the plan and explains the leak'(page, language) {
    const flags = async () => {
      await page.locator('mc-plan .dot[data-kind=clone]').click();
      return (await page.locator('mc-plan .step pre').textContent()) ?? '';
    };
    assert.ok((await flags()).includes('CLONE_NEWPID'));
    await page.locator('mc-plan [data-isolation=pid]').uncheck();
    assert.ok(!(await flags()).includes('CLONE_NEWPID'));
    assert.deepEqual(await kindsShown(page), (await planOf(page, language, ['pid'])).steps.map((/** @type {any} */ step) => step.kind));
    const item = page.locator('mc-plan li', { has: page.locator('[data-isolation=pid]') });
    assert.equal(await item.locator('.badge').textContent(), WORDS[language].leftOut);
    assert.ok(await item.locator('.leak').isVisible());
    assert.ok((await page.locator('mc-plan .command').textContent())?.includes('--without pid'));
    await page.locator('mc-plan [data-isolation=pid]').check();
    assert.ok((await flags()).includes('CLONE_NEWPID'));
  },

  async 'leaving out masked paths removes their steps'(page) {
    assert.ok((await kindsShown(page)).includes('mask-path'));
    await page.locator('mc-plan [data-isolation=masked-paths]').uncheck();
    assert.ok(!(await kindsShown(page)).includes('mask-path'));
  },

  async 'an invalid limit is reported until it is fixed'(page) {
    const trouble = page.locator('mc-plan .trouble');
    assert.ok(await trouble.isHidden());
    await page.locator('mc-plan [name=memory]').fill('lots');
    assert.ok((await trouble.textContent())?.includes('lots'));
    await page.locator('mc-plan [name=memory]').fill('128m');
    assert.ok(await trouble.isHidden());
    assert.ok((await page.locator('mc-plan .command').textContent())?.includes('--memory 128m'));
  },

  async 'cgroup version and identity change the plan'(page) {
    assert.ok(!(await kindsShown(page)).includes('join-cgroup'));
    await page.locator('mc-plan [name=cgroup]').selectOption('v1');
    assert.ok((await kindsShown(page)).includes('join-cgroup'));
    await page.locator('mc-plan [name=cgroup]').selectOption('v2');
    await page.locator('mc-plan [name=identity]').selectOption('user');
    assert.ok((await kindsShown(page)).includes('map-ids'));
  },

  async 'the language switches without a reload and keeps the input'(page, language) {
    const other = language === 'en' ? 'pt' : 'en';
    await page.locator('mc-plan [name=hostname]').fill('kept');
    await page.locator(`nav a[href="?lang=${other}"]`).click();
    assert.equal(await page.locator('h1').textContent(), WORDS[other].heading);
    await page.locator('mc-plan .all li', { hasText: WORDS[other].pivot }).waitFor({ state: 'attached' });
    assert.equal(await page.locator('mc-plan [name=hostname]').inputValue(), 'kept');
    assert.equal(new URL(page.url()).search, `?lang=${other}`);
    await page.goBack();
    assert.equal(await page.locator('h1').textContent(), WORDS[language].heading);
  },

  async 'axe finds no violations in the light, dark and phone views'(page, language) {
    const looks = [
      { name: 'day', colorScheme: /** @type {const} */ ('light'), width: 1280 },
      { name: 'night', colorScheme: /** @type {const} */ ('dark'), width: 1280 },
      { name: 'phone', colorScheme: /** @type {const} */ ('light'), width: 390 },
    ];
    await page.locator('mc-plan .dot').nth(12).click();
    await page.locator('mc-plan [data-isolation=net]').uncheck();
    await page.locator('mc-hash button[data-layer="1"]').click();
    await page.locator('mc-plan details').first().evaluate((details) => details.setAttribute('open', ''));
    for (const { name, colorScheme, width } of looks) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      await page.setViewportSize({ width, height: 900 });
      await page.evaluate(axe);
      const found = await page.evaluate(async () => (await /** @type {any} */ (window).axe.run()).violations);
      const lines = found.map((/** @type {any} */ violation) => `${violation.id}: ${violation.help}: ${violation.nodes.map((/** @type {any} */ node) => `${node.target.join(' ')} ${node.any[0]?.message ?? ''}`).slice(0, 4).join('; ')}`);
      if (screenshots) await page.screenshot({ path: join(screenshots, `${language}-${name}.png`), fullPage: true });
      assert.deepEqual(lines, [], name);
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(overflow <= 0, `${name}: the page is ${overflow} px too wide`);
    }
  },
};

/** A step that no version of the page knows, with fields of every type. */
const UNKNOWN = {
  kind: 'teleport', actor: 'container', title: 'Teleport the process', why: 'Because no one can follow.',
  systemCalls: ['teleport("/mars", TELEPORT_NOW)'], manPages: ['teleport(2)'],
  fields: { destination: 'mars', speed: 299792458, silent: true, crew: ['ana', 'rui'], route: [{ from: 'earth', to: 'moon' }], cargo: null },
};

/** Adds the unknown step to the plans of the module. The rest of the page is unchanged. @param {Page} page */
async function inject(page) {
  await page.route('**/pkg/web_demo.js', (route) => {
    const body = `import init, * as real from './web_demo.js?real';
      export default init;
      export const { digest, image_json } = real;
      export function plan_json(options, language) {
        const plan = JSON.parse(real.plan_json(options, language));
        plan.steps?.splice(3, 0, ${JSON.stringify(UNKNOWN)});
        plan.isolations?.push({ name: 'space', title: 'A planet of its own', without: 'It stays on earth.', begins: 3, complete: 3 });
        return JSON.stringify(plan);
      }`;
    return route.fulfill({ contentType: 'text/javascript', body });
  });
}

tests['an unknown kind of step is drawn like any other'] = async (page) => {
  await inject(page);
  await page.reload();
  await page.locator('mc-plan .dot[data-kind=teleport]').click();
  const card = await page.locator('mc-plan .step').textContent();
  for (const part of [UNKNOWN.title, UNKNOWN.why, ...UNKNOWN.systemCalls, 'teleport(2)', 'destination', 'mars', '299792458', 'true', 'ana', 'rui', 'moon', 'cargo']) {
    assert.ok(card?.includes(part), part);
  }
  const item = page.locator('mc-plan li', { has: page.locator('[data-isolation=space]') });
  assert.equal(await item.getAttribute('data-state'), 'inForce');
};

tests['the elements work in a book: another folder, a small rem, another language'] = async (page, language) => {
  const other = language === 'en' ? 'pt' : 'en';
  await page.route('**/book/en/chapter.html', (route) => route.fulfill({
    contentType: 'text/html',
    body: `<!doctype html><html lang="${language}" style="font-size: 62.5%"><title>x</title><link rel="icon" href="data:,">
      <body style="font-size: 1.6rem"><mc-hash></mc-hash><mc-plan lang="${other}"></mc-plan>
      <script type="module">import '../../page/hash.js'; import '../../page/plan.js';</script>`,
  }));
  await page.goto(new URL('/book/en/chapter.html', page.url()).href);
  await page.locator('mc-plan .all li', { hasText: WORDS[other].pivot }).waitFor({ state: 'attached' });
  await page.locator('mc-hash .output code').first().waitFor();
  assert.equal(await page.locator('mc-plan .play').textContent(), WORDS[other].play);
  assert.equal(await page.locator('mc-plan .step > p').last().evaluate((text) => getComputedStyle(text).fontSize), '16px');
};

async function main() {
  if (!existsSync(join(folder, 'pkg/web_demo_bg.wasm'))) throw new Error('web-demo/pkg is not built: run web-demo/build');
  if (screenshots) mkdirSync(screenshots, { recursive: true });
  const profile = mkdtempSync(join(tmpdir(), 'minicontainer-browser-'));
  const server = await serve(folder);
  const browser = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    headless: true,
    viewport: { width: 1280, height: 900 },
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  });
  let [passed, failed] = [0, 0];
  try {
    for (const language of /** @type {Language[]} */ (['en', 'pt'])) {
      for (const [name, test] of Object.entries(tests)) {
        const page = await browser.newPage();
        page.setDefaultTimeout(10_000);
        /** @type {string[]} */
        const complaints = [];
        page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
        page.on('pageerror', (error) => complaints.push(String(error)));
        page.on('request', (request) => request.url().startsWith(server.address) || complaints.push(`requested ${request.url()}`));
        try {
          await page.goto(`${server.address}?lang=${language}`);
          await page.locator('mc-plan .dot').first().waitFor();
          await page.locator('mc-hash .output code').first().waitFor();
          await test(page, language);
          assert.deepEqual(complaints, [], 'errors in the console, or requests to other servers');
          passed += 1;
          console.log(`ok      ${language}  ${name}`);
        } catch (error) {
          failed += 1;
          console.log(`FAILED  ${language}  ${name}\n${error instanceof Error ? error.message : error}`);
        }
        await page.close();
      }
    }
  } finally {
    await browser.close();
    server.close();
    rmSync(profile, { recursive: true, force: true });
  }
  console.log(`${passed} passed, ${failed} failed`);
  process.exitCode = failed === 0 ? 0 : 1;
}

await main();
