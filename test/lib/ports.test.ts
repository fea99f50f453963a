import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { reservePorts } from '../../src/lib/ports.ts';

/** So many that one is found twice, with near certainty, where nobody keeps them apart. */
const COUNT = 600;

test('reservePorts() gives no port twice, neither here nor in another process', async (t) => {
  const others = await reservedElsewhere(t);
  await using mine = await reservePorts(COUNT);
  await using more = await reservePorts(COUNT);

  const all = [...others, ...mine.ports, ...more.ports];

  assert.equal(all.length, 3 * COUNT);
  assert.equal(new Set(all).size, all.length);
});

/** Ports that a process reserves which lives until the end of the test. */
async function reservedElsewhere(t: TestContext): Promise<readonly number[]> {
  const module = JSON.stringify(join(import.meta.dirname, '../../src/lib/ports.ts'));
  const script = `import { reservePorts } from ${module};
    const { ports } = await reservePorts(${COUNT});
    process.stdout.write(JSON.stringify(ports));
    process.stdout.end();
    process.stdin.resume();`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['pipe', 'pipe', 'inherit'] });
  t.after(async () => {
    child.stdin.end();
    if (child.exitCode === null) await once(child, 'exit');
  });
  const chunks: string[] = [];
  for await (const chunk of child.stdout.setEncoding('utf8')) chunks.push(String(chunk));
  return JSON.parse(chunks.join('')) as readonly number[];
}
