import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { foundingMembers, memberOf, withState } from '@driftless/contracts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DiskMemberFile, type MemberFile, MemoryMemberFile } from './member-file.ts';
import { Membership } from './membership.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'driftless-members-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const founders = ['a', 'b', 'c'];
const membership = (node: string, file: MemberFile = new MemoryMemberFile()): Membership =>
  new Membership({ node, founders, shardCount: 4, replicationFactor: 3, file });
const stateOf = ({ list }: Membership, node: string) => memberOf(list, node)?.state;

describe.each<[string, () => MemberFile]>([
  ['on disk', () => new DiskMemberFile(join(directory, 'node', 'members.json'))],
  ['in memory', () => new MemoryMemberFile()],
])('the list of members %s', (_, make) => {
  it('is not there in the first life, and then what was saved last', () => {
    const file = make();
    expect(file.load()).toBeUndefined();
    file.save(foundingMembers(['a']));
    file.save(foundingMembers(founders));
    expect(file.load()).toEqual(foundingMembers(founders));
  });
});

it('a damaged list stops the node instead of making it a founder again', () => {
  mkdirSync(join(directory, 'node'));
  const path = join(directory, 'node', 'members.json');
  writeFileSync(path, '{"format":1,"members":[{"node":"a"');
  expect(() => new DiskMemberFile(path).load()).toThrow('is not a list of members');
});

describe('membership', () => {
  it('knows its first life until it was kept', () => {
    const file = new MemoryMemberFile();
    const first = membership('a', file);
    expect(first.isFirstLife).toBe(true);
    expect(membership('a', file).isFirstLife).toBe(true);
    first.keep();
    expect(membership('a', file).isFirstLife).toBe(false);
  });

  it('lets a node that had left join anew when it starts, and only then', () => {
    const file = new MemoryMemberFile();
    const node = membership('d', file);
    const peer = membership('a');
    peer.heard(node.list);
    node.heard(peer.list);
    expect(stateOf(node, 'd')).toBe('joining');
    const left = withState(peer.list, 'd', 'left');
    node.heard(left);
    expect(stateOf(node, 'd')).toBe('left');
    node.heard(left);
    expect(stateOf(node, 'd')).toBe('left');
    // Its next life, by its own list or by that of others when its disk was lost.
    expect(stateOf(membership('d', file), 'd')).toBe('joining');
    const blank = membership('d');
    blank.heard(foundingMembers(founders));
    expect(stateOf(blank, 'd')).toBe('joining');
    blank.heard(left);
    expect(memberOf(blank.list, 'd')).toMatchObject({ state: 'joining', version: 2 });
  });

  it('lets nobody go without whom shards had too few replicas; a second order changes nothing', () => {
    const node = membership('a');
    expect(() => node.leave('c')).toThrow('fewer members');
    expect(() => node.leave('x')).toThrow('no member x');
    node.heard(membership('d').list);
    node.leave('c');
    expect(stateOf(node, 'c')).toBe('leaving');
    const { list } = node;
    node.leave('c');
    expect(node.list).toBe(list);
    expect(() => node.leave('b')).toThrow('fewer members');
  });

  it('lets a member be replaced once, by a node that may come later', () => {
    const node = membership('a');
    expect(() => node.replace('c', 'c')).toThrow('cannot take the place');
    node.replace('c', 'd');
    expect(node.wanted.every((set) => set.includes('d') && !set.includes('c'))).toBe(true);
    expect(() => node.replace('c', 'e')).toThrow('is leaving');
    expect(() => node.replace('b', 'c')).toThrow('cannot take the place');
    node.replace('d', 'e');
    expect(node.wanted.every((set) => set.includes('e'))).toBe(true);
  });

  it('keeps every change', () => {
    const file = new MemoryMemberFile();
    membership('a', file).replace('c', 'd');
    expect(membership('a', file).wanted.every((set) => set.includes('d'))).toBe(true);
  });
});
