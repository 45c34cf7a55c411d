/**
 * A control plane on this machine: etcd, API server, controllers and scheduler as real processes on loopback
 * addresses, with a directory of their own. There is no kubelet: pods are made, admitted and given to a
 * machine that is only an entry, and never run.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '@driftless/runtime';

export interface ControlPlane {
  readonly url: string;
  readonly token: string;
  /** Path of the API server's certificate: it is its own authority. */
  readonly certificate: string;
  readonly kubeconfig: string;
  /** Ends what was started; the directory stays. */
  stop(): Promise<void>;
}

export interface Binaries {
  readonly etcd: string;
  readonly apiServer: string;
  readonly controllers: string;
  readonly scheduler: string;
}

const STOP_TIMEOUT_MS = 10_000;

export async function startControlPlane(dir: string, binaries: Binaries): Promise<ControlPlane> {
  const children: ChildProcess[] = [];
  function run(name: string, binary: string, args: Record<string, string | number | boolean>): void {
    const log = openSync(join(dir, `${name}.log`), 'a');
    const flags = Object.entries(args).map(([flag, value]) => `--${flag}=${value}`);
    children.push(spawn(binary, flags, { stdio: ['ignore', log, log], cwd: dir }));
  }
  const [client, peer, port] = [await freePort(), await freePort(), await freePort()];
  const paths = writeSecrets(dir, `https://127.0.0.1:${port}`);
  const etcdUrl = `http://127.0.0.1:${client}`;
  const peerUrl = `http://127.0.0.1:${peer}`;
  run('etcd', binaries.etcd, {
    'data-dir': join(dir, 'etcd'),
    'listen-client-urls': etcdUrl,
    'advertise-client-urls': etcdUrl,
    'listen-peer-urls': peerUrl,
    'initial-advertise-peer-urls': peerUrl,
    'initial-cluster': `default=${peerUrl}`,
    // What it holds is gone in a minute.
    'unsafe-no-fsync': true,
  });
  run('kube-apiserver', binaries.apiServer, {
    'etcd-servers': etcdUrl,
    'bind-address': '127.0.0.1',
    'secure-port': port,
    'cert-dir': join(dir, 'certificates'),
    'service-cluster-ip-range': '10.96.0.0/16',
    'service-account-issuer': 'https://driftless.invalid',
    'service-account-key-file': paths.publicKey,
    'service-account-signing-key-file': paths.privateKey,
    'token-auth-file': paths.tokens,
    'authorization-mode': 'Node,RBAC',
    'endpoint-reconciler-type': 'none',
  });
  run('kube-controller-manager', binaries.controllers, {
    kubeconfig: paths.kubeconfig,
    'service-account-private-key-file': paths.privateKey,
    'leader-elect': false,
    'secure-port': 0,
  });
  run('kube-scheduler', binaries.scheduler, {
    kubeconfig: paths.kubeconfig,
    'leader-elect': false,
    'secure-port': 0,
  });
  return {
    url: `https://127.0.0.1:${port}`,
    token: paths.token,
    certificate: join(dir, 'certificates', 'apiserver.crt'),
    kubeconfig: paths.kubeconfig,
    stop: () => stopAll(children),
  };
}

function writeSecrets(dir: string, url: string) {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
  });
  const token = randomUUID();
  const kubeconfig = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'here', cluster: { server: url, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'admin', user: { token } }],
    contexts: [{ name: 'here', context: { cluster: 'here', user: 'admin' } }],
    'current-context': 'here',
  };
  const write = (name: string, text: string): string => {
    writeFileSync(join(dir, name), text, { mode: 0o600 });
    return join(dir, name);
  };
  return {
    token,
    publicKey: write('accounts.pub', publicKey),
    privateKey: write('accounts.key', privateKey),
    tokens: write('tokens.csv', `${token},admin,admin,system:masters\n`),
    kubeconfig: write('kubeconfig', JSON.stringify(kubeconfig)),
  };
}

/** The last one first: nobody then misses what he relies on. */
async function stopAll(children: ChildProcess[]): Promise<void> {
  for (const child of children.toReversed()) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await ended;
    clearTimeout(timer);
  }
}
