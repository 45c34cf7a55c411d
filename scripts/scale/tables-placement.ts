/** Tables on what placement comes to: keys, copies, leaders, what moves and how long that takes. */
import { markdownTable } from 'markdown-table';
import { type Change, rebalanceOf } from './changes.ts';
import { bytes, decimal, fullestShard, percent, seconds, spreadOf, whole } from './numbers.ts';
import { balanceOf, keysByShard, leadersWithout, pairsThatHurt, zoneLoss } from './placement.ts';
import { largest, nameOf, namesOf, placementOf, shapes } from './shape.ts';
import { nodeDefaults } from './traffic.ts';

/** Keys that are really hashed; more would only take longer. */
const keysHashed = 1_000_000;
/** Clusters of one shape with other names, for how much is luck. */
const seeds = [0, 1, 2];
const zones = 3;
/** Of the binomial law: the fullest shard is fuller than the table says in one cluster of a hundred. */
const chance = 0.01;

/** What a rebalance needs to be told; no measurements. */
const assumed = { shardBytes: 1e9, bytesPerSecond: 50e6 };
const copyMs = (assumed.shardBytes / assumed.bytesPerSecond) * 1000;
const movesMaxTried = [nodeDefaults.movesMax, 8];

export function keysTable(): string {
  const hashed = [largest].map(({ shards }): string[] => {
    const { least, mean, most } = spreadOf(keysByShard(keysHashed, shards));
    return [
      whole(keysHashed),
      whole(shards),
      whole(mean),
      whole(least),
      whole(most),
      over(most, mean),
      'hashed',
    ];
  });
  const exact = [1e7, 1e8, 1e9].map((keys): string[] => {
    const { shards } = largest;
    const [mean, most] = [keys / shards, fullestShard(keys, shards, chance)];
    return [
      whole(keys),
      whole(shards),
      whole(mean),
      '',
      whole(most),
      over(most, mean),
      'binomial bound, 99%',
    ];
  });
  return markdownTable([
    ['Keys', 'Shards', 'Mean a shard', 'Least', 'Most', 'Most over mean', 'How it is known'],
    ...hashed,
    ...exact,
  ]);
}

function over(most: number, mean: number): string {
  return `+${percent(most / mean - 1)}`;
}

export function balanceTable(): string {
  return markdownTable([
    ['Nodes × shards', 'What', 'Least', 'Mean', 'Most', 'Deviation', 'Most ÷ mean', 'With other names'],
    ...shapes.flatMap((shape) => {
      const draws = seeds.map((seed) => balanceOf(placementOf(shape, seed), namesOf(shape.nodes, seed)));
      return (['copies', 'leaders'] as const).map((what) => {
        const { least, mean, most, deviation, ratio } = (draws[0] as (typeof draws)[number])[what];
        const ratios = draws.map((draw) => draw[what].ratio);
        return [
          nameOf(shape),
          what === 'copies' ? 'copies on a node' : 'leaders on a node',
          whole(least),
          whole(mean),
          whole(most),
          decimal(deviation),
          decimal(ratio, 2),
          `${decimal(Math.min(...ratios), 2)} to ${decimal(Math.max(...ratios), 2)}`,
        ];
      });
    }),
  ]);
}

export function lossTable(): string {
  return markdownTable([
    [
      'Nodes × shards',
      'Leaders on a node: mean, most',
      'Most, after any one node died',
      'Pairs of nodes that are the majority of some shard',
      'Most shards of one pair',
      `Shards without a majority when one of ${zones} zones is gone`,
      'Shards without any copy then',
    ],
    ...shapes.map((shape) => {
      const placement = placementOf(shape);
      const names = namesOf(shape.nodes);
      const { leaders } = balanceOf(placement, names);
      const after = names.map((dead) => Math.max(...leadersWithout(placement, names, dead)));
      const { pairs, hurting, shardsMost } = pairsThatHurt(placement, names);
      const zone = zoneLoss(placement, names, zones);
      return [
        nameOf(shape),
        `${whole(leaders.mean)}, ${whole(leaders.most)}`,
        whole(Math.max(...after)),
        `${whole(hurting)} of ${whole(pairs)}`,
        whole(shardsMost),
        whole(zone.majority),
        whole(zone.all),
      ];
    }),
  ]);
}

export function movesTable(changes: readonly Change[]): string {
  const copies = largest.shards * largest.factor;
  return markdownTable([
    [
      'What',
      'Copies made',
      'Share of all copies',
      'Share of the newcomers, or what the leavers had',
      'Copies made between nodes that neither come nor go',
      'Preferred leaders that change',
      'Of these, though both had a copy before and after',
    ],
    ...changes.map(({ what, moves, dueCopies, needless }) => [
      what,
      whole(moves.copies),
      percent(moves.copies / copies),
      whole(dueCopies),
      whole(needless),
      whole(moves.leaders),
      whole(moves.leadersByCounting),
    ]),
  ]);
}

export function rebalanceTable(changes: readonly Change[]): string {
  const times = ['All copies in place', 'And led as wanted', 'Copying at the busiest node'];
  return markdownTable([
    ['What', '`movesMax`', ...times, 'Leaderships handed over'],
    ...changes.flatMap((change) =>
      movesMaxTried.map((movesMax) => {
        const done = rebalanceOf(change, { ...nodeDefaults, movesMax }, copyMs);
        return [
          change.what,
          whole(movesMax),
          seconds(done.movedMs),
          seconds(done.settledMs),
          seconds(done.busiestMs),
          whole(done.handOvers),
        ];
      }),
    ),
  ]);
}

/** The inputs of the table above, as they stand on the page. */
export function rebalanceInputs(): string {
  const { shardBytes, bytesPerSecond } = assumed;
  const { statusEveryMs, retireAfterMs, handBackAfterMs, movesMax } = nodeDefaults;
  return [
    `Assumed, not measured: a shard of ${bytes(shardBytes)}, and ${bytes(bytesPerSecond)} a second that a`,
    `node takes, and the same that it gives, so ${seconds(copyMs)} a copy. A turn is \`statusEveryMs\`,`,
    `${whole(statusEveryMs)} ms; \`retireAfterMs\` ${whole(retireAfterMs)} ms, \`handBackAfterMs\``,
    `${whole(handBackAfterMs)} ms; the default of \`movesMax\` is ${whole(movesMax)}.`,
  ].join('\n');
}
