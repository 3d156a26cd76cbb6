// Compiled by `make clients`, not run: the types of the package in `clients/node`, as users see them.
import Redis, { Cluster } from 'ioredis';
import { createClient, createCluster } from 'redis';
import { conv, type Info, type Message, type Recent } from 'redis-conv';
import { Conv } from 'redis-conv/ioredis';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function same<A, B>(_: Equal<A, B>): void {}

async function nodeRedis(): Promise<void> {
  const client = createClient({ modules: { conv }, RESP: 3 });
  const seq: number | null = await client.conv.append('k', { role: 'user', content: 'x' }, { ifLast: 3 });
  const window = await client.conv.recentWithInfo('k', 3000, { start: 'USER', clear: 3 });
  const tokens: number | undefined = window?.systemLeftOut;
  const messages: Message[] | null = await client.conv.recent('k', 3000);
  const info: Info | null = await client.conv.info('k');
  const replies = await client.multi().conv.append('k', '{}').conv.len('k').exec();
  const cluster = createCluster({ rootNodes: [], modules: { conv } });
  const length: number = await cluster.conv.len('k');
  // @ts-expect-error: no such option
  await client.conv.recent('k', 3000, { newest: true });
  // @ts-expect-error: a number is no key
  await client.conv.recent(7, 3000);
  // @ts-expect-error: no such method
  await client.conv.push('k', '{}');
  console.log(seq, tokens, messages, info, replies, length);
}

async function overIoredis(): Promise<void> {
  const c = new Conv(new Redis());
  const many = await c.recentOfManyWithInfo(3000, ['a', 'b']);
  same<typeof many, (Recent | null)[]>(true);
  const found = await new Conv(new Cluster([])).search('k', 'x', { role: 'tool' });
  same<(typeof found)[number]['snippet'], string>(true);
  // @ts-expect-error: no such role
  await c.search('k', 'x', { role: 'nobody' });
  // @ts-expect-error: one limit
  await c.trim('k', {});
}

export { nodeRedis, overIoredis };
