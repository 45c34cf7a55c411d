/**
 * What a simulation drives: the node as it is, and its ports in memory; for one of many nodes, the decisions
 * that a node makes, and the pace at which it talks.
 */

export { type NodeConfig, nodeConfigSchema } from './config.ts';
export type { Change } from './core/change.ts';
export { HandBack } from './core/hand-back.ts';
export { breakBy, type Mutant, mutants } from './core/mutants.ts';
export { nextStep, type Step } from './core/reconcile.ts';
export { answerList, answerLog, answerRead, answerRows, answerWrite, copyFor } from './http/answers.ts';
export { answerQuestion } from './http/exchange-answers.ts';
export { MemoryNats } from './jetstream/memory.ts';
export {
  type ConsumeOptions,
  type Consumption,
  type EventStream,
  type LeaseStore,
  type StreamMessage,
  Unanswered,
} from './jetstream/port.ts';
export { idleHeartbeatMs, pullExpiresMs } from './jetstream/stream.ts';
export { MemoryMemberFile } from './membership/member-file.ts';
export { headEveryMs } from './news.ts';
export { StoreNode } from './node.ts';
export type { Bus, NodePorts } from './ports.ts';
export { Roster } from './roster.ts';
export { type InjectPorts, inject } from './shard/inject.ts';
export { logPageOf, type Peers, rowsPageOf } from './shard/peers.ts';
export { MemoryStore } from './store/memory.ts';
export type { ReplicaFiles, ShardStore } from './store/port.ts';
export type { Instruments } from './telemetry.ts';
