package deployment

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/smithy-go"
)

// description is what CloudFormation knows of a stack.
type description struct {
	name, region, status string
	outputs              map[string]string
	parameters           map[string]string // by the name of the variable that has the value, see variable
}

// describer is the one operation of CloudFormation that is needed here.
type describer interface {
	DescribeStacks(ctx context.Context, in *cloudformation.DescribeStacksInput, o ...func(*cloudformation.Options)) (*cloudformation.DescribeStacksOutput, error)
}

func describe(ctx context.Context, c describer, name, region string) (description, error) {
	d := description{name: name, region: region, outputs: map[string]string{}, parameters: map[string]string{}}
	out, err := c.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &name})
	if err != nil {
		return d, d.refused(err)
	}
	if len(out.Stacks) != 1 {
		return d, d.missing()
	}
	s := out.Stacks[0]
	d.status = string(s.StackStatus)
	for _, o := range s.Outputs {
		d.outputs[aws.ToString(o.OutputKey)] = aws.ToString(o.OutputValue)
	}
	for _, p := range s.Parameters {
		d.parameters[variable(aws.ToString(p.ParameterKey))] = aws.ToString(p.ParameterValue)
	}
	return d, nil
}

func (d description) missing() error {
	return fmt.Errorf("there is no stack %s in %s: check --stack and --region, and that the AWS profile is of its account", d.name, d.region)
}

// refused says what an answer of CloudFormation means for a stack that was asked for.
func (d description) refused(err error) error {
	refusal, told := errors.AsType[smithy.APIError](err)
	switch {
	case told && refusal.ErrorCode() == "ValidationError" && strings.Contains(refusal.ErrorMessage(), "does not exist"):
		return d.missing()
	case told && strings.Contains(refusal.ErrorCode(), "AccessDenied"):
		return fmt.Errorf("stack %s may not be read: let this user or role do cloudformation:DescribeStacks: %w", d.name, err)
	case told && (strings.Contains(refusal.ErrorCode(), "ExpiredToken") || refusal.ErrorCode() == "InvalidClientTokenId"):
		return fmt.Errorf("the AWS credentials are not valid, or not any more: sign in again: %w", err)
	}
	return fmt.Errorf("describe stack %s: %w", d.name, err)
}

// output returns an output. A stack that is another product's, is older, or was
// never completed has none of that name.
func (d description) output(name string) (string, error) {
	if v := d.outputs[name]; v != "" {
		return v, nil
	}
	has := "none"
	if len(d.outputs) > 0 {
		has = strings.Join(slices.Sorted(maps.Keys(d.outputs)), ", ")
	}
	return "", fmt.Errorf("stack %s (%s) has no output %s: is it dialtone's, and deployed with the template of this version? Its outputs: %s", d.name, d.status, name, has)
}

// variable is the name of the variable that has a parameter's value:
// WEBEX_BASE_URL has that of WebexBaseUrl.
func variable(parameter string) string {
	var b strings.Builder
	for i, r := range parameter {
		if i > 0 && unicode.IsUpper(r) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToUpper(r))
	}
	return b.String()
}
