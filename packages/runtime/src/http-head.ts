/**
 * The heads of plain requests (http-plain.ts), by a grammar that is a small part of HTTP/1.1:
 *
 *     METHOD SP target SP "HTTP/1.1" CRLF  *( name ":" *SP value *SP CRLF )  CRLF
 *
 * The method and the beginning of the target are those of a hot route. Targets and values are printable
 * ASCII, names are tokens and occur once, `Host` is there, and nothing asks for more than an answer. All else
 * is odd: it may be right, it may be an attack, and Node's parser is the judge of that. So nothing is read
 * here that Node would read differently, which is what request smuggling lives from (RFC 9112 §11.2).
 */
import type { Buffer } from 'node:buffer';
import type { IncomingHttpHeaders } from 'node:http';

/** What a head is looked for: a route as the framework has it, too. */
export interface HeadRoute {
  readonly method: string;
  /** A path, or one that ends in `/*`. */
  readonly url: string;
  /** 0: the route takes no body. */
  readonly bodyBytesMax: number;
  /** Given: the only content type that is plain here. Else any without parameters is. */
  readonly contentType?: string | undefined;
}

export interface Head<Route> {
  readonly route: Route;
  readonly target: string;
  readonly headers: IncomingHttpHeaders;
  readonly bodyBytes: number;
  /** Bytes of the head. */
  readonly bytes: number;
}

/** Longest head that is plain, bytes. Node takes 16 KiB. */
const HEAD_BYTES_MAX = 8192;
/** Most heads are shorter; what is behind them need not be made text. */
const USUAL_HEAD_BYTES = 1024;
/** Longest target that is plain, characters. */
const TARGET_CHARS_MAX = 2048;

const endOfLine = '\r\n';
const endOfHead = '\r\n\r\n';
const version = ' HTTP/1.1';
/** Without `%`, so that a target is what it says, and without `#`. */
const plainTarget = /^[!"$&-~]*$/;
const plainType = /^[a-z]+\/[a-z0-9.+-]+$/;
const plainLength = /^(?:0|[1-9]\d{0,8})$/;
const field = /([!#$%&'*+.^_`|~\w-]+): *([!-~](?:[ -~]*[!-~])?) *\r\n/y;
/** So far, nothing that is never plain: it may become a head. */
const linesSoFar = /^(?:[ -~]*\r\n)*[ -~]*\r?$/;
/**
 * They ask for more than an answer, or say where the body ends. `Proxy-Connection` is `Connection` to some.
 */
const oddNames = new Set(['transfer-encoding', 'expect', 'upgrade', 'proxy-connection', 'trailer']);

interface Fields {
  readonly headers: IncomingHttpHeaders;
  /** Undefined: not told, so there is no body. */
  readonly bodyBytes: number | undefined;
  readonly isPlainType: boolean;
}

interface Known<Route> {
  readonly route: Route;
  /** How its heads begin. */
  readonly start: string;
  readonly isWhole: boolean;
}

export class HeadRoutes<Route extends HeadRoute> {
  readonly known: readonly Known<Route>[];

  constructor(routes: readonly Route[]) {
    this.known = routes.map((route) => {
      const isWhole = !route.url.endsWith('/*');
      const path = isWhole ? route.url : route.url.slice(0, -1);
      return { route, start: `${route.method} ${path}${isWhole ? ' ' : ''}`, isWhole };
    });
  }
}

/** Reads the heads of one connection. Most clients send the same fields again: those are read once. */
export class HeadReader<Route extends HeadRoute> {
  readonly #routes: HeadRoutes<Route>;
  #block: string | undefined;
  #fields: Fields | undefined;

  constructor(routes: HeadRoutes<Route>) {
    this.#routes = routes;
  }

  /**
   * The head that `bytes` begin with; `partial`: they may become one when more comes; `odd`: they are none.
   */
  read(bytes: Buffer): Head<Route> | 'partial' | 'odd' {
    const usual = this.#read(bytes.toString('latin1', 0, USUAL_HEAD_BYTES));
    if (usual !== 'partial' || bytes.length <= USUAL_HEAD_BYTES) return usual;
    const longest = this.#read(bytes.toString('latin1', 0, HEAD_BYTES_MAX));
    return longest === 'partial' && bytes.length >= HEAD_BYTES_MAX ? 'odd' : longest;
  }

  #read(text: string): Head<Route> | 'partial' | 'odd' {
    for (const known of this.#routes.known) {
      if (text.startsWith(known.start)) return this.#readOf(known, text);
    }
    return this.#routes.known.some(({ start }) => start.startsWith(text)) ? 'partial' : 'odd';
  }

  #readOf({ route, start, isWhole }: Known<Route>, text: string): Head<Route> | 'partial' | 'odd' {
    const lineEnd = text.indexOf(endOfLine, start.length);
    if (lineEnd < 0) return soFar(text);
    const targetStart = route.method.length + 1;
    const targetEnd = lineEnd - version.length;
    const target = text.slice(targetStart, targetEnd);
    if (!text.startsWith(version, targetEnd) || target.length > TARGET_CHARS_MAX) return 'odd';
    if (isWhole ? target !== route.url : !plainTarget.test(target)) return 'odd';
    const end = text.indexOf(endOfHead, lineEnd);
    if (end < 0) return soFar(text);
    const block = text.slice(lineEnd + endOfLine.length, end + endOfLine.length);
    if (block !== this.#block) {
      this.#block = block;
      this.#fields = fieldsOf(block);
    }
    const fields = this.#fields;
    if (fields === undefined || !fits(route, fields)) return 'odd';
    const { headers, bodyBytes = 0 } = fields;
    return { route, target, headers, bodyBytes, bytes: end + endOfHead.length };
  }
}

function soFar(text: string): 'partial' | 'odd' {
  return linesSoFar.test(text) ? 'partial' : 'odd';
}

function fits({ bodyBytesMax, contentType }: HeadRoute, fields: Fields): boolean {
  if (contentType !== undefined && fields.headers['content-type'] !== contentType) return false;
  const { bodyBytes, isPlainType } = fields;
  return bodyBytes === undefined || (bodyBytes <= bodyBytesMax && isPlainType);
}

/** The fields of a whole head, or undefined: they are not plain. */
function fieldsOf(block: string): Fields | undefined {
  const headers: IncomingHttpHeaders = Object.create(null);
  field.lastIndex = 0;
  for (let at = 0; at < block.length; at = field.lastIndex) {
    const match = field.exec(block);
    if (match === null) return undefined;
    const name = (match[1] as string).toLowerCase();
    if (oddNames.has(name) || headers[name] !== undefined) return undefined;
    headers[name] = match[2] as string;
  }
  const { host, connection, 'content-length': length, 'content-type': type } = headers;
  if (host === undefined) return undefined;
  if (connection !== undefined && connection.toLowerCase() !== 'keep-alive') return undefined;
  if (length !== undefined && !plainLength.test(length)) return undefined;
  const bodyBytes = length === undefined ? undefined : Number(length);
  return { headers, bodyBytes, isPlainType: type === undefined || plainType.test(type) };
}
