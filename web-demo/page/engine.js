// The engine's own code, compiled to WebAssembly and loaded once. Paths are relative to this file, so that the
// elements work wherever the folder is.

import init, { digest, image_json, plan_json } from '../pkg/web_demo.js';

/**
 * @typedef {'en' | 'pt'} Language
 * @typedef {{kind: string, actor: string, title: string, why: string, systemCalls: string[], manPages: string[],
 *   fields: Record<string, unknown>}} Step
 * @typedef {{name: string, title: string, without: string, begins: number | null, complete: number | null}} Isolation
 * @typedef {{commandLine: string, actors: {name: string, title: string}[], steps: Step[], isolations: Isolation[]}} Plan
 * @typedef {{digest: string, size: number, text: string}} ImageDocument
 * @typedef {{layers: {digest: string, chainId: string, size: number}[], config: ImageDocument,
 *   manifest: ImageDocument}} Image
 * @typedef {{command: string[], memory: string, cpus: string, pids: string, hostname: string, readOnly: boolean,
 *   network: string, identity: string, cgroup: string, without: string[]}} Options
 */

/** @type {Promise<unknown> | undefined} */
let loading;

/** Resolves when the functions below can be called. */
export function ready() {
  loading ??= init();
  return loading;
}

/** @param {string | Uint8Array} content */
export function digestOf(content) {
  return digest(typeof content === 'string' ? new TextEncoder().encode(content) : content);
}

/** @param {string[]} layers @returns {Image} */
export function imageOf(layers) {
  const image = JSON.parse(image_json(JSON.stringify(layers)));
  if (image.error) throw new Error(image.error);
  return image;
}

/**
 * The plan, or why the options are invalid.
 * @param {Options} options @param {Language} language @returns {{plan: Plan} | {error: string}}
 */
export function planOf(options, language) {
  const answer = JSON.parse(plan_json(JSON.stringify(options), language));
  return answer.error === undefined ? { plan: answer } : { error: answer.error };
}
