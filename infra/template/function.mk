# How `sam build` builds a function: the Makefile of its folder includes this and
# calls bootstrap with the folder's name. SAM works in a copy of the folder, so
# everything here starts from the root of the tree.
#
# GOFLAGS, GOARCH and all other settings of the caller reach the compiler. Without
# GOARCH it is arm64, as in template.yaml.

ROOT := $(abspath $(dir $(lastword $(MAKEFILE_LIST)))/../..)
include $(ROOT)/Makefile

define bootstrap
	cd '$(ROOT)' && GOOS=linux GOARCH=$${GOARCH:-arm64} CGO_ENABLED=0 \
		$(GO) build -tags lambda.norpc $(STRIP) -o '$(ARTIFACTS_DIR)/bootstrap' ./functions/$(1)
endef
