/** The settings of where a command runs, without opening the store: neither its lock nor its database is touched. Layer: cli. */
import {isDbosError} from '../errors.js';
import {Config} from '../repo/config.js';
import {checkFormat} from '../repo/format.js';
import {findStore} from '../repo/location.js';

/**
 * Returns the settings of the nearest store and the user's, or the user's alone. Throws STORE_NOT_FOUND if `needsStore` is
 * set and there is no store, STORE_FORMAT.
 */
export function openSettings(directory: string, userFile: string | undefined, needsStore: boolean): Config {
  try {
    const {store} = findStore(directory);
    checkFormat(store);
    return Config.of(store, userFile);
  } catch (error) {
    if (needsStore || !isDbosError(error, 'STORE_NOT_FOUND')) throw error;
    return Config.of(undefined, userFile);
  }
}
