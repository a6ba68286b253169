"""Applies the SAM transform to a template, as CloudFormation would, offline.

    render.py [--emulator] template.yaml > rendered.json

CodeUri of each function becomes s3://bucket/<logical id>.zip, since the transform
asks for a place in a bucket, where `sam deploy` puts the code.

With --emulator what emulators stumble over is left out: dashboards, and versions,
aliases and gradual deployment of functions. Event sources then name the functions
themselves.
"""

import argparse
import json
import logging
import os
import sys

from cfnlint.decode import cfn_yaml
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

DEPLOYMENT = ("AutoPublishAlias", "AutoPublishAliasAllProperties", "DeploymentPreference")


def for_emulators(template):
    resources = template["Resources"]
    for name in [n for n, r in resources.items() if r["Type"] == "AWS::CloudWatch::Dashboard"]:
        del resources[name]
    functions = [r["Properties"] for r in resources.values() if r["Type"] == "AWS::Serverless::Function"]
    for properties in [template["Globals"]["Function"], *functions]:
        for name in DEPLOYMENT:
            properties.pop(name, None)


def rendered(template):
    for name, resource in template["Resources"].items():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = f"s3://bucket/{name}.zip"
    defaults = {name: p["Default"] for name, p in template.get("Parameters", {}).items() if "Default" in p}
    os.environ.setdefault("AWS_DEFAULT_REGION", "eu-central-1")  # the transform asks for one, whatever it does with it
    # {}: managed policies by name, which only functions without a role need.
    return Translator({}, Parser()).translate(template, defaults)


def main():
    arguments = argparse.ArgumentParser(description="Apply the SAM transform, offline.")
    arguments.add_argument("--emulator", action="store_true", help="leave out what emulators do not know")
    arguments.add_argument("template")
    given = arguments.parse_args()
    template = cfn_yaml.load(given.template)
    if given.emulator:
        for_emulators(template)
    logging.disable(logging.WARNING)
    json.dump(rendered(template), sys.stdout, indent=1, sort_keys=True)


if __name__ == "__main__":
    main()
