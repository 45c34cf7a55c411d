export { HistoryError } from './core/arrange.ts';
export { HistoryAssembler } from './core/assemble.ts';
export { type CheckOptions, checkHistory, overallVerdict } from './core/check.ts';
export { levelsLostBy } from './core/durability.ts';
export {
  decodeEvent,
  type EndEvent,
  encodeEvent,
  type HistoryEvent,
  type HistoryEventOf,
  historyEventSchema,
  historyFormat,
  type InvokeEvent,
  type Loss,
  lossSchema,
} from './core/event.ts';
export {
  type CheckerName,
  type CheckResult,
  checkerNames,
  doubtsKeptMax,
  type Verdict,
  type Violation,
  violationsKeptMax,
} from './core/findings.ts';
export type { History, Operation } from './core/history.ts';
export { configurationsMaxDefault } from './core/search.ts';
export { readHistory } from './file/reader.ts';
export {
  type Ending,
  type HistoryHead,
  HistoryWriter,
  type Invocation,
  monotonicMs,
} from './file/writer.ts';
