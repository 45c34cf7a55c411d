import { describe, expect, it } from 'vitest';
import { type Contents, type NpmSbom, sbomOf } from './sbom.ts';

const component = (ref: string) => {
  const [name = '', version = ''] = ref.split('@');
  return { 'bom-ref': ref, type: 'library', name, version, purl: `pkg:npm/${ref}`, scope: 'optional' };
};
const npm: NpmSbom = {
  specVersion: '1.5',
  serialNumber: 'urn:uuid:x',
  metadata: { timestamp: '2026-01-01T00:00:00Z', component: {} },
  components: ['zod@4.6.7', 'vitest@5.1.1', 'pino@10.4.0'].map(component),
  dependencies: [{ ref: 'pino@10.4.0', dependsOn: ['zod@4.6.7', 'vitest@5.1.1'] }],
};
const contents: Contents = {
  node: '26.10.0',
  nodeParts: { openssl: '3.5.8', modules: '147', nghttp3: '' },
  npm: ['pino@10.4.0', 'zod@4.6.7'],
  debian: [{ name: 'libc6', version: '2.36-9+deb12u14', architecture: 'amd64' }],
  system: { ID: 'debian', VERSION_ID: '12' },
  programs: [{ name: 'nats-server', version: '2.15.2' }],
};

describe('the bill of materials', () => {
  const sbom = sbomOf('driftless:0.1.0', contents, npm);

  it('has all that the image holds, and nothing else of the lock file', () => {
    expect(sbom.components.map(({ purl }) => purl)).toEqual([
      'pkg:generic/node@26.10.0',
      'pkg:deb/debian/libc6@2.36-9%2Bdeb12u14?arch=amd64&distro=debian-12',
      'pkg:golang/github.com/nats-io/nats-server/v2@v2.15.2',
      'pkg:npm/pino@10.4.0',
      'pkg:npm/zod@4.6.7',
    ]);
    expect(sbom.components[0]?.components).toMatchObject([{ name: 'openssl', version: '3.5.8' }]);
  });

  it('says what needs what, of what is there', () => {
    expect(sbom.dependencies.find(({ ref }) => ref === 'pino@10.4.0')?.dependsOn).toEqual(['zod@4.6.7']);
    expect(sbom.dependencies[0]?.dependsOn).toHaveLength(sbom.components.length);
  });

  it('is refused for what the lock file does not know, and for a program without a version', () => {
    const strange = { ...contents, npm: ['zod@4.6.7', 'evil@1.0.0'] };
    expect(() => sbomOf('driftless:0.1.0', strange, npm)).toThrow('evil@1.0.0');
    const mute = { ...contents, programs: [{ name: 'x', version: undefined }] };
    expect(() => sbomOf('driftless:0.1.0', mute, npm)).toThrow('x does not say');
  });
});
