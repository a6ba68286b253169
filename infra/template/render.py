"""Applies the SAM transform to a template, as CloudFormation would, offline.

    render.py template.yaml > rendered.json

CodeUri of each function becomes a place in a bucket, which the transform asks
for and `sam deploy` puts there.
"""

import json
import logging
import sys

from cfnlint.decode import cfn_yaml
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator


def rendered(template):
    for name, resource in template["Resources"].items():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = f"s3://bucket/{name}.zip"
    defaults = {name: p["Default"] for name, p in template.get("Parameters", {}).items() if "Default" in p}
    # The names of managed policies, which only functions without a role need.
    return Translator({}, Parser()).translate(template, {**defaults, "AWS::Region": "eu-central-1"})


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    json.dump(rendered(cfn_yaml.load(sys.argv[1])), sys.stdout, indent=1, sort_keys=True)
