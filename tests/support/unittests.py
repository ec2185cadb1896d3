"""Runs the Python tests of the folders that are named, and says in a line what was skipped and why."""

import pathlib
import sys
import unittest


def main(folders):
    sys.dont_write_bytecode = True
    suite = unittest.TestSuite()
    for folder in folders:
        loader = unittest.TestLoader()
        suite.addTests(loader.discover(folder, pattern="test_*.py", top_level_dir=folder))
        for error in loader.errors:
            print(error, file=sys.stderr)
    result = unittest.TextTestRunner(verbosity=0).run(suite)
    for reason in dict.fromkeys(reason for _, reason in result.skipped):
        count = sum(1 for _, other in result.skipped if other == reason)
        print(f"skipped: {count} of {result.testsRun} tests: {reason}", file=sys.stderr)
    names = ", ".join(pathlib.Path(folder).name for folder in folders)
    failed = len(result.failures) + len(result.errors) + len(result.unexpectedSuccesses)
    passed = result.testsRun - failed - len(result.skipped)
    print(f"{names}: {passed} passed, {failed} failed, {len(result.skipped)} skipped", file=sys.stderr)
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
