import { describe, expect, it } from 'vitest';
import { named, partOf, type Stack, wavesOf, withAlertSecrets } from './stack.ts';

const service = { image: 'x:1.0.0' };
const stack: Stack = {
  services: Object.fromEntries(
    ['load-balancer', 'gateway', 'node-2', 'node-1', 'nats-1', 'volume-owner-1', 'alertmanager'].map(
      (name) => [name, service],
    ),
  ),
  configs: { nats: { file: 'nats.conf' } },
  secrets: {},
};

describe('a stack', () => {
  it('names configs by their content', () => {
    const name = (text: string) => named(stack, () => Buffer.from(text)).configs.nats?.name;
    expect(name('a')).toMatch(/^driftless_nats-[0-9a-f]{8}$/);
    expect(name('a')).toBe(name('a'));
    expect(name('a')).not.toBe(name('b'));
  });

  it('updates what keeps data one by one, and the edge after it', () => {
    expect(wavesOf(stack)).toEqual([
      ['volume-owner-1', 'alertmanager'],
      ['nats-1'],
      ['node-1'],
      ['node-2'],
      ['gateway'],
      ['load-balancer'],
    ]);
  });

  it('has in a part what the part needs', () => {
    expect(Object.keys(partOf(stack, ['node-1']).services)).toEqual(['node-1']);
    expect(partOf(stack, ['node-1']).configs).toEqual(stack.configs);
  });

  it('gives Alertmanager the secrets that are there', () => {
    const given = withAlertSecrets(stack, ['driftless-alert-smtp-password', 'other']);
    expect(given.services.alertmanager?.secrets).toEqual([
      { source: 'driftless-alert-smtp-password', target: '/etc/alertmanager/secrets/smtp-password' },
    ]);
    expect(Object.keys(given.secrets)).toEqual(['driftless-alert-smtp-password']);
    expect(withAlertSecrets(stack, ['other'])).toBe(stack);
  });
});
