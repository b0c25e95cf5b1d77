import {Args, Flags, StoreCommand} from '../src/cli/command.js';
import {openSettings} from '../src/cli/settings.js';
import {alignRows} from '../src/cli/table.js';
import {EXIT} from '../src/errors.js';
import {Config, type SettingEntry, type SettingName, type SettingScope, settingName} from '../src/repo/config.js';
import {plainText} from '../src/state/quote.js';

interface SettingJson {
  readonly key: SettingName;
  readonly value: SettingEntry['value'] | null;
  readonly scope: SettingEntry['scope'] | null;
}

export default class ConfigCommand extends StoreCommand {
  static override summary = 'Read and write settings.';
  static override description =
    "Settings of the store win over the user's, which win over the defaults. Settings: user.name and user.email (the author of commits), core.editor, core.pager, core.lockTimeout (seconds to wait for another process), color.ui (auto, always, never), init.defaultBranch. Reading one that has no value prints nothing and ends with status 1.";
  static override examples = [
    {
      description: 'Say who commits, in every store:',
      command: "<%= config.bin %> config --user user.name 'Ada Lovelace'",
    },
    {description: 'Every setting that has a value, and where it comes from:', command: '<%= config.bin %> config'},
    {description: 'Go back to the default:', command: '<%= config.bin %> config --unset color.ui'},
  ];
  static override args = {
    key: Args.string({description: 'The setting.'}),
    value: Args.string({description: 'The value to write; without one the setting is printed.'}),
  };
  static override flags = {
    list: Flags.boolean({char: 'l', description: 'Print every setting that has a value.', exclusive: ['unset']}),
    unset: Flags.boolean({description: 'Remove the setting.'}),
    user: Flags.boolean({description: "Use the user's settings, which hold for every store."}),
  };
  static override exits = [4];
  static override completes = {key: 'setting', value: 'none'} as const;

  async run(): Promise<unknown> {
    const {args, flags} = await this.parse(ConfigCommand);
    const {key, value} = args;
    if (key === undefined) {
      if (flags.unset) throw this.usage('Missing argument KEY.');
    } else if (flags.list) throw this.usage('With --list no setting is named.');
    if (flags.unset && value !== undefined) throw this.usage('With --unset no value is given.');
    const scope = flags.user ? 'user' : 'store';
    const writes = value !== undefined || flags.unset === true;
    const {userConfig} = await this.context();
    const config = flags.user
      ? Config.of(undefined, userConfig)
      : openSettings(this.workingDirectory(), userConfig, writes);
    if (key === undefined) return this.list(config, flags.user === true);
    const name = settingName(key);
    if (flags.unset) return this.unset(config, name, scope);
    return value === undefined ? this.show(config, name, flags.user === true) : this.set(config, name, value, scope);
  }

  private list(config: Config, user: boolean): Readonly<Record<string, SettingEntry['value']>> {
    const entries = config.list().filter(({scope}) => !user || scope === 'user');
    const rows = entries.map(({key, value, scope}) => [key, plainText(`${value}`), this.style.dim(`(${scope})`)]);
    for (const line of alignRows(rows)) this.print(line);
    return Object.fromEntries(entries.map(({key, value}) => [key, value]));
  }

  private show(config: Config, key: SettingName, user: boolean): SettingJson {
    const entry = config.entry(key);
    if (entry !== undefined && (!user || entry.scope === 'user')) {
      this.print(`${entry.value}`);
      return entry;
    }
    this.exitStatus = EXIT.failed;
    return {key, value: null, scope: null};
  }

  private set(config: Config, key: SettingName, text: string, scope: SettingScope): SettingJson {
    config.set(key, text, scope);
    this.note(`Set ${key} ${scope === 'user' ? 'for every store of the user' : 'for this store'}.`);
    return config.entry(key) as SettingEntry;
  }

  private unset(config: Config, key: SettingName, scope: SettingScope): SettingJson {
    const removed = config.unset(key, scope);
    if (!removed) this.exitStatus = EXIT.failed;
    const whose = scope === 'user' ? "the user's settings" : "the store's settings";
    this.note(removed ? `Removed ${key} from ${whose}.` : `${key} is not set in ${whose}.`);
    return config.entry(key) ?? {key, value: null, scope: null};
  }
}
