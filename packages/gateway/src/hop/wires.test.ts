import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { HttpAnswer } from '../core/http-answer.ts';
import { NotConnected } from './wire.ts';
import { Wires } from './wires.ts';

const ok = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';

describe('the connections to a node', () => {
  let server: Server;
  let url: string;
  let wires: Wires;
  /** As they came; and what they sent. */
  let sockets: Socket[];
  let answers: (socket: Socket, text: string) => void;

  beforeEach(async () => {
    sockets = [];
    answers = (socket) => socket.write(ok);
    server = createServer((socket) => {
      sockets.push(socket);
      socket.on('data', (bytes) => answers(socket, bytes.toString('latin1')));
      socket.on('error', () => {});
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    wires = new Wires(url, { connectTimeoutMs: 1000, connectionsMax: 2 });
  });

  afterEach(async () => {
    for (const socket of sockets) socket.destroy();
    await Promise.all([wires.close(), server.listening && new Promise((resolve) => server.close(resolve))]);
  });

  function send(text = 'GET / HTTP/1.1\r\n\r\n', timeoutMs = 3000): Promise<HttpAnswer | Error> {
    const deadlineAt = performance.now() + timeoutMs;
    return new Promise((settle) => wires.send({ bytes: Buffer.from(text), deadlineAt, settle }));
  }

  it('keep one for requests after each other', async () => {
    for (let i = 0; i < 3; i += 1)
      expect(await send()).toMatchObject({ status: 200, body: Buffer.from('ok') });
    expect(sockets).toHaveLength(1);
  });

  it('are as many as there is to do, up to their bound; the rest waits', async () => {
    const held: Socket[] = [];
    answers = (socket) => held.push(socket);
    const all = Promise.all([send(), send(), send()]);
    await expect.poll(() => held.length).toBe(2);
    for (const socket of held.splice(0)) socket.write(ok);
    await expect.poll(() => held.length).toBe(1);
    held[0]?.write(ok);
    expect((await all).map((one) => !(one instanceof Error) && one.status)).toEqual([200, 200, 200]);
    expect(sockets).toHaveLength(2);
  });

  it('tell what was never sent from what went unanswered', async () => {
    answers = (socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhal');
    const broken = await send();
    expect(broken).toBeInstanceOf(Error);
    expect(broken).not.toBeInstanceOf(NotConnected);
    answers = (socket) => socket.destroy();
    const cut = await send();
    expect(cut).toBeInstanceOf(Error);
    expect(cut).not.toBeInstanceOf(NotConnected);
    await new Promise((resolve) => server.close(resolve));
    expect(await send()).toBeInstanceOf(NotConnected);
  });

  it('are closed with an answer that comes too late; what waited behind it goes on', async () => {
    answers = (socket, text) => void (text.startsWith('hang') || socket.write(ok));
    const hanging = [send('hang', 100), send('hang', 100)];
    const waiting = send();
    for (const outcome of await Promise.all(hanging)) {
      expect(outcome).toBeInstanceOf(Error);
      expect(outcome).not.toBeInstanceOf(NotConnected);
    }
    expect(await waiting).toMatchObject({ status: 200 });
  });

  it('let nothing wait longer than its time for one that is free', async () => {
    answers = () => {};
    const hanging = [send('hang', 600), send('hang', 600)];
    expect(await send('never sent', 100)).toBeInstanceOf(NotConnected);
    await Promise.all(hanging);
  });

  it('are made anew when the node closes one', async () => {
    await send();
    sockets[0]?.end();
    await expect.poll(() => sockets[0]?.destroyed).toBe(true);
    expect(await send()).toMatchObject({ status: 200 });
    answers = (socket) => socket.write(ok.replace('content-length', 'connection: close\r\ncontent-length'));
    expect(await send()).toMatchObject({ status: 200 });
    expect(await send()).toMatchObject({ status: 200 });
    expect(sockets).toHaveLength(3);
  });

  it('close when what is under way has ended, and send nothing more', async () => {
    let held: Socket | undefined;
    answers = (socket) => {
      held = socket;
    };
    const sent = send();
    await expect.poll(() => held).toBeDefined();
    const closed = wires.close();
    expect(await send()).toBeInstanceOf(NotConnected);
    held?.write(ok);
    expect(await sent).toMatchObject({ status: 200 });
    await closed;
    await expect.poll(() => held?.destroyed).toBe(true);
  });
});
