// The loop of bare.rs in Node: consume, call, publish with a confirm, acknowledge each.
import { parseArgs } from 'node:util';
import amqp from 'amqplib';
import { Pool } from 'undici';

const names = ['uri', 'queue', 'results', 'endpoint', 'prefetch'];
const { values } = parseArgs({ options: Object.fromEntries(names.map((name) => [name, { type: 'string' }])) });
const connection = await amqp.connect(values.uri);
const consuming = await connection.createChannel();
const publishing = await connection.createConfirmChannel();
const { origin, pathname } = new URL(values.endpoint);
const pool = new Pool(origin, { connections: Number(values.prefetch) });

async function call(query, data) {
  const body = JSON.stringify({ query, variables: { input: data } });
  const headers = { 'content-type': 'application/json' };
  const answer = await pool.request({ path: pathname, method: 'POST', headers, body });
  return answer.body.json();
}

async function settle(delivery) {
  const event = JSON.parse(delivery.content);
  const queries = event.type === 'checkout-completed' ? ['mutation createOrder'] : ['query order', 'mutation updateOrder'];
  let answer;
  for (const query of queries) answer = await call(query, event.data);
  const result = Buffer.from(JSON.stringify({ data: { causationId: event.id, answer: answer.data } }));
  await new Promise((resolve, reject) => {
    const confirmed = (error) => (error ? reject(error) : resolve());
    publishing.publish(values.results, 'done', result, { persistent: true, mandatory: true }, confirmed);
  });
  consuming.ack(delivery);
}

await consuming.prefetch(Number(values.prefetch));
await consuming.consume(values.queue, (delivery) => settle(delivery).catch((error) => { console.error(error); process.exit(1); }));
console.log('consuming');
