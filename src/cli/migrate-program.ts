/** Flags of the `migrate` commands, and which of them have each. */
export const MIGRATE_FLAGS = {
  '--to <dialect>': 'fabio, hind or traefik',
  '--add': 'new tags beside the old ones (the default): both are read until the old ones go',
  '--replace': 'new tags in the place of the old ones',
  '--diff': 'a unified difference that patch accepts',
  '--format <format>': 'text, md or json',
  '--strict': 'exit 4 where anything is left for hand work, lost or said differently',
  '--json': 'as JSON',
  '--manifest <file>': 'where write keeps what the files held; default: hind-proxy-migration.json',
} as const;

/** One of the `migrate` commands on the command line. */
export interface MigrateCommand {
  readonly name: 'plan' | 'write' | 'revert';
  readonly description: string;
  readonly takesPaths: boolean;
  readonly flags: readonly (keyof typeof MIGRATE_FLAGS)[];
  readonly examples: readonly string[];
}

/** The `migrate` commands. */
export const MIGRATE_COMMANDS: readonly MigrateCommand[] = [
  {
    name: 'plan',
    description: 'what write would change in job files, and what is left for hand work; writes nothing',
    takesPaths: true,
    flags: ['--to <dialect>', '--add', '--replace', '--diff', '--format <format>', '--strict', '--json'],
    examples: [
      'hind-proxy migrate plan jobs/ --to traefik',
      'hind-proxy migrate plan jobs/ --to traefik --replace --diff | patch --dry-run -p0',
    ],
  },
  {
    name: 'write',
    description: 'convert the tags of job files in place; nothing but tags changes',
    takesPaths: true,
    flags: ['--to <dialect>', '--add', '--replace', '--format <format>', '--strict', '--json', '--manifest <file>'],
    examples: ['hind-proxy migrate write jobs/ --to traefik', 'hind-proxy migrate write web.nomad.hcl --to fabio --replace'],
  },
  {
    name: 'revert',
    description: 'put the files of the last write back; refuses where one was changed since',
    takesPaths: false,
    flags: ['--json', '--manifest <file>'],
    examples: ['hind-proxy migrate revert'],
  },
];
