import type { Command } from './command-line.ts';

/**
 * Arguments as the parser takes them: the command first, and what is asked of help as `--help` behind it. Flags alone mean `run`, because
 * consul-template has no commands. Where help is asked of a command that is not there, the parser gets only its name, to refuse it.
 */
export function commandFirst(args: readonly string[], program: Command): string[] {
  const [first, ...rest] = args;
  if (first === 'help') return helpOf(rest, program);
  if (first === undefined || ['--help', '-h', '--version'].includes(first)) return [...args];
  const placed = first.startsWith('-') ? flagsLast(args, program) : [...args];
  const isGroup = (program.commands.find((command) => command.name() === first)?.commands.length ?? 0) > 0;
  if (isGroup && rest[0] === 'help') return helpOf([first, ...rest.slice(1)], program);
  return placed.includes('--help') || placed.includes('-h') ? helpOf(placed, program) : placed;
}

function helpOf(words: readonly string[], program: Command): string[] {
  const unknown = unknownWord(words, program);
  if (unknown !== undefined) return words.slice(0, unknown + 1);
  return words.includes('--help') || words.includes('-h') ? [...words] : [...words, '--help'];
}

/** The index of the word that should name a command and does not. */
function unknownWord(words: readonly string[], program: Command): number | undefined {
  let commands = program.commands;
  for (const [index, word] of words.entries()) {
    if (commands.length === 0 || word.startsWith('-')) return undefined;
    const found = commands.find((command) => command.name() === word);
    if (!found) return index;
    commands = found.commands;
  }
  return undefined;
}

/** The first word behind flags is the command; flags that stand before it go behind everything. */
function flagsLast(args: readonly string[], program: Command): string[] {
  const options = program.commands.find((command) => command.name() === 'run')?.options ?? [];
  let index = 0;
  while (args[index]?.startsWith('-')) index += options.some(({ long, required }) => required && long === args[index]) ? 2 : 1;
  const word = args[index];
  return word === undefined ? ['run', ...args] : [word, ...args.slice(index + 1), ...args.slice(0, index)];
}
