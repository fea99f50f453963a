import { glob, readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { execa } from 'execa';
import { sha256 } from '../src/lib/hash.ts';
import { compareText } from '../src/lib/sort.ts';

/**
 * Breaks what decides about routes (dialects, compile, targets) in small ways, with StrykerJS, and looks whether the tests
 * notice. Exit code 0 when enough is noticed, 1 when not, 2 for wrong usage.
 */

/** Long enough to hold most statements whole. */
const WINDOW_LINES = 20;

const HELP = `Usage: npm run mutation -- [options]

Changes one expression of src/dialects, src/compile or src/targets at a time and runs the tests that reach it. All of them take hours: a
sample of windows of lines is taken, by seed. Survivors are printed with the tests that did not see them, and written to
reports/mutation.json.

Options:
  --windows <n>   windows of ${WINDOW_LINES} lines (default 80, about 1,500 mutants; 0: everything)
  --seed <text>   the same seed takes the same windows (default 1)
  --file <glob>   only these files, whole; may be given several times
  --help          this text

Examples:
  npm run mutation
  npm run mutation -- --file 'src/compile/rank.ts'
  npm run mutation -- --windows 20 --seed 7`;

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  const options = readOptions(args);
  if (typeof options === 'string') {
    console.error(options);
    return 2;
  }
  if (!options) {
    console.log(HELP);
    return 0;
  }
  const { windows, seed, files } = options;
  const mutated = files.length > 0 ? files : await sampleOf(windows, seed);
  const stryker = await execa('stryker', ['run', '--mutate', mutated.join(',')], {
    preferLocal: true,
    stdio: 'inherit',
    reject: false,
  });
  return stryker.exitCode === 0 ? 0 : 1;
}

async function sampleOf(count: number, seed: string): Promise<readonly string[]> {
  const paths = (await Array.fromAsync(glob('src/{dialects,compile,targets}/**/*.ts'))).toSorted(compareText);
  if (count === 0) return paths;
  const windows = await Promise.all(paths.map(windowsOf));
  const order = (window: string): string => sha256(`${seed} ${window}`);
  return windows
    .flat()
    .toSorted((left, right) => compareText(order(left), order(right)))
    .slice(0, count);
}

async function windowsOf(path: string): Promise<readonly string[]> {
  const lines = (await readFile(path, 'utf8')).split('\n').length;
  return Array.from(
    { length: Math.ceil(lines / WINDOW_LINES) },
    (_, index) => `${path}:${index * WINDOW_LINES + 1}-${(index + 1) * WINDOW_LINES}`,
  );
}

function readOptions(
  args: readonly string[],
): { readonly windows: number; readonly seed: string; readonly files: readonly string[] } | string | undefined {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        windows: { type: 'string', default: '80' },
        seed: { type: 'string', default: '1' },
        file: { type: 'string', multiple: true, default: [] },
        help: { type: 'boolean', default: false },
      },
    });
    if (values.help) return undefined;
    const windows = Number(values.windows);
    if (!Number.isSafeInteger(windows) || windows < 0) return `--windows ${values.windows}: expected a whole number from 0`;
    return { windows, seed: values.seed, files: values.file };
  } catch (error) {
    return `${error instanceof Error ? error.message : String(error)}\n\n${HELP}`;
  }
}
