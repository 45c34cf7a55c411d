/**
 * Dependencies by the lock file. They are in place when `node_modules` holds the stamp of this very lock
 * file, or when npm's own record of what it installed says so (somebody ran `npm ci` by hand). Otherwise
 * `npm ci` runs, one at a time: two that delete and fill the same directory would ruin it for both.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Stop, say, withProgress } from './console.mjs';
import { withLock } from './lock.mjs';
import { capture, root } from './process.mjs';

const STAMP = join(root, 'node_modules', '.driftless-stamp');
const INSTALLED = join(root, 'node_modules', '.package-lock.json');
const LOCK_FILE = join(root, 'package-lock.json');
const SHOWN_LINES = 25;

export async function ensureDependencies() {
  if (isInstalled()) return;
  await withLock(
    `${root} dependencies`,
    'waiting for another start, which installs the dependencies',
    async () => {
      if (isInstalled()) return;
      await withProgress('installing the dependencies (npm ci)', install);
      writeFileSync(STAMP, stampOf());
    },
  );
}

function isInstalled() {
  if (existsSync(STAMP)) return readFileSync(STAMP, 'utf8') === stampOf();
  if (!existsSync(INSTALLED) || !matchesLockFile()) return false;
  writeFileSync(STAMP, stampOf());
  return true;
}

/** Another lock file, or another machine that shares the directory: install anew. */
function stampOf() {
  const hash = createHash('sha256').update(readFileSync(LOCK_FILE)).digest('hex');
  return `${hash} ${process.platform} ${process.arch}\n`;
}

/** Every package is there in the lock file's version; an optional one, of another platform, may be absent. */
function matchesLockFile() {
  const installed = packagesOf(INSTALLED);
  return Object.entries(packagesOf(LOCK_FILE)).every(([path, { version, optional }]) => {
    if (!path.startsWith('node_modules/')) return true;
    return installed[path] === undefined ? optional === true : installed[path].version === version;
  });
}

/**
 * @param {string} path
 * @returns {Record<string, { version?: string, optional?: boolean }>}
 */
function packagesOf(path) {
  return JSON.parse(readFileSync(path, 'utf8')).packages ?? {};
}

async function install() {
  // Development dependencies are needed to run, too: the pinned Node is found through them. Warnings about
  // engines are silenced: they compare packages with this Node, which will not run them.
  const args = ['ci', '--include=dev', '--include=optional', '--no-audit', '--no-fund', '--loglevel=error'];
  const { npm_execpath: npm } = process.env;
  const byNode = npm !== undefined && /\.c?js$/.test(npm);
  const { code, output } = byNode
    ? await capture(process.execPath, [npm, ...args])
    : await capture('npm', args);
  if (code === 0) return;
  if (code === 127) throw new Stop('npm was not found; it comes with Node, or as the Debian package npm');
  // Where npm takes it for wrong use, it adds a page on how to call it.
  const [said = ''] = output.split('npm error Clean install a project');
  say(`npm ci failed with exit code ${code}. Its last words:`);
  const lines = said.trimEnd().split('\n').slice(-SHOWN_LINES);
  process.stderr.write(`${lines.map((line) => `    ${line}`).join('\n')}\n`);
  throw new Stop(
    said.includes('EUSAGE')
      ? 'package.json and package-lock.json do not fit each other; take both from one commit'
      : 'the dependencies could not be installed; is the npm registry within reach?',
  );
}
