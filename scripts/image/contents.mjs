/**
 * What an image holds, told by the image itself, as JSON: the Node that runs this, the npm packages on its
 * disk, the Debian packages that its libraries are of, and the other programs. A bill of materials is
 * checked against it: that is made of lock files, and this of files.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');
const PROGRAMS = '/usr/local/bin';
const STATUS = '/var/lib/dpkg/status.d';

const { node, ...parts } = process.versions;
const contents = {
  node,
  nodeParts: parts,
  npm: [...new Set(npmIn(ROOT))].sort(),
  debian: readdirSync(STATUS).map((file) => debianOf(readFileSync(join(STATUS, file), 'utf8'))),
  system: Object.fromEntries(
    [...readFileSync('/etc/os-release', 'utf8').matchAll(/^(ID|VERSION_ID)="?([^"\n]*)"?$/gm)].map(
      ([, name, value]) => [name, value],
    ),
  ),
  programs: readdirSync(PROGRAMS)
    .filter((name) => name !== 'node')
    .map((name) => ({ name, version: versionOf(join(PROGRAMS, name)) })),
};
process.stdout.write(`${JSON.stringify(contents)}\n`);

/**
 * `name@version` of the packages below a folder, those within others as well.
 * @param {string} folder
 * @returns {string[]}
 */
function npmIn(folder) {
  const modules = join(folder, 'node_modules');
  if (!existsSync(modules)) return [];
  const names = readdirSync(modules).filter((name) => !name.startsWith('.'));
  const scoped = names
    .filter((name) => name.startsWith('@'))
    .flatMap((scope) => readdirSync(join(modules, scope)).map((name) => `${scope}/${name}`));
  return [...names.filter((name) => !name.startsWith('@')), ...scoped].flatMap((name) => {
    const package_ = realpathSync(join(modules, name));
    const { version } = JSON.parse(readFileSync(join(package_, 'package.json'), 'utf8'));
    return [`${name}@${version}`, ...npmIn(package_)];
  });
}

/** @param {string} text as dpkg keeps it */
function debianOf(text) {
  const field = (/** @type {string} */ name) => new RegExp(`^${name}: (.+)$`, 'm').exec(text)?.[1];
  return {
    name: field('Package'),
    version: field('Version'),
    architecture: field('Architecture'),
    source: field('Source'),
  };
}

/** @param {string} program */
function versionOf(program) {
  const { stdout } = spawnSync(program, ['--version'], { encoding: 'utf8' });
  return /\d+\.\d+\.\d+/.exec(stdout ?? '')?.[0];
}
