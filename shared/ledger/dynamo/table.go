package dynamo

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// IndexName is the name of the table's one index, which holds the lists.
const IndexName = "lists"

// ExpiryAttribute is the table's time-to-live attribute, in Unix seconds.
// DynamoDB deletes an item some time after it, mostly within days; the store
// takes it for absent from that second on.
const ExpiryAttribute = attrExpires

// Table is the table that a [Store] works on: what a template must declare, and
// what emulators are given. Apart from it a table needs [TimeToLive].
//
// The index carries whole items, since a list is read for its data. The stream
// carries new images, from which [Outcome] reads what was decided.
func Table(name string) *dynamodb.CreateTableInput {
	return &dynamodb.CreateTableInput{
		TableName:   &name,
		BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{
			{AttributeName: aws.String(attrKey), AttributeType: types.ScalarAttributeTypeS},
			{AttributeName: aws.String(attrIndex), AttributeType: types.ScalarAttributeTypeS},
			{AttributeName: aws.String(attrSort), AttributeType: types.ScalarAttributeTypeS},
		},
		KeySchema: []types.KeySchemaElement{{AttributeName: aws.String(attrKey), KeyType: types.KeyTypeHash}},
		GlobalSecondaryIndexes: []types.GlobalSecondaryIndex{{
			IndexName: aws.String(IndexName),
			KeySchema: []types.KeySchemaElement{
				{AttributeName: aws.String(attrIndex), KeyType: types.KeyTypeHash},
				{AttributeName: aws.String(attrSort), KeyType: types.KeyTypeRange},
			},
			Projection: &types.Projection{ProjectionType: types.ProjectionTypeAll},
		}},
		StreamSpecification: &types.StreamSpecification{
			StreamEnabled: aws.Bool(true), StreamViewType: types.StreamViewTypeNewImage,
		},
	}
}

// TimeToLive is the expiry setting of the table, which DynamoDB takes only once
// the table is there.
func TimeToLive(name string) *dynamodb.UpdateTimeToLiveInput {
	return &dynamodb.UpdateTimeToLiveInput{
		TableName: &name,
		TimeToLiveSpecification: &types.TimeToLiveSpecification{
			AttributeName: aws.String(ExpiryAttribute), Enabled: aws.Bool(true),
		},
	}
}

// Actions are the IAM actions that a Store needs on the table, and on its index
// for Query. There is no scan and no delete among them.
func Actions() []string {
	return []string{"dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"}
}
