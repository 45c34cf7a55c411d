/** What a simulation drives: the node as it is, and its ports in memory. */

export { type NodeConfig, nodeConfigSchema } from './config.ts';
export type { Change } from './core/change.ts';
export { breakBy, type Mutant, mutants } from './core/mutants.ts';
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
export { MemoryMemberFile } from './membership/member-file.ts';
export { StoreNode } from './node.ts';
export type { Bus, NodePorts } from './ports.ts';
export { type InjectPorts, inject } from './shard/inject.ts';
export { logPageOf, type Peers, rowsPageOf } from './shard/peers.ts';
export { MemoryStore } from './store/memory.ts';
export type { ReplicaFiles, ShardStore } from './store/port.ts';
export type { Instruments } from './telemetry.ts';
