package template

type mistake struct {
	policy string
	change
	want string // part of the violation
}

// mistakes are wrong templates, each found by the policy named.
func mistakes() []mistake {
	const (
		queue    = "Resources/NumbersQueue/Properties/"
		dead     = "Resources/NumbersDeadLetterQueue/Properties/"
		function = "Resources/ChangeNumber/Properties/"
		event    = function + "Events/Numbers/Properties/"
		stream   = "Resources/PublishOutcomes/Properties/Events/Changes/Properties/"
		role     = "Resources/ChangeNumberRole/Properties/"
		allowed  = role + "Policies/0/PolicyDocument/Statement/"
		denied   = "Resources/NumbersQueuePolicy/Properties/PolicyDocument/Statement/0/"
		table    = "Resources/Table/Properties/"
		schedule = "Resources/CheckPoolsSchedule/Properties/"
	)
	elsewhere := object{"Ref": "Elsewhere"}
	return []mistake{
		{"queues hide messages long enough", change{queue + "VisibilityTimeout", 359}, "is 359 s, ChangeNumber needs 360"},
		{"queues hide messages long enough", change{queue + "VisibilityTimeout", nil}, "is 30 s"},
		{"queues hide messages long enough", change{function + "Timeout", 61}, "needs 366"},
		{"queues hide messages long enough", change{event + "MaximumBatchingWindowInSeconds", 1}, "needs 361"},

		{"queues have a dead-letter queue that fits", change{queue + "RedrivePolicy", nil}, "names none"},
		{"queues have a dead-letter queue that fits", change{queue + "RedrivePolicy/maxReceiveCount", 5}, "is 5, and 576 receives"},
		{"queues have a dead-letter queue that fits", change{dead + "FifoQueue", nil}, "differs"},
		{"queues have a dead-letter queue that fits", change{dead + "MessageRetentionPeriod", nil}, "is 345600 s"},
		{"queues have a dead-letter queue that fits", change{queue + "MaximumMessageSize", nil}, "MaximumMessageSize"},

		{"queues are encrypted", change{queue + "SqsManagedSseEnabled", nil}, "NumbersQueue"},
		{"queues are encrypted", change{dead + "SqsManagedSseEnabled", false}, "NumbersDeadLetterQueue"},

		{"queues refuse plain http", change{"Resources/NumbersQueuePolicy", nil}, "NumbersQueue: takes plain http"},
		{"queues refuse plain http", change{denied + "Effect", "Allow"}, "NumbersQueue"},
		{"queues refuse plain http", change{denied + "Action", "sqs:SendMessage"}, "NumbersQueue"},
		{"queues refuse plain http", change{denied + "Principal", object{"AWS": "arn:aws:iam::123456789012:root"}}, "NumbersQueue"},
		{"queues refuse plain http", change{denied + "Condition/Bool/aws:SecureTransport", "true"}, "NumbersQueue"},
		{"queues refuse plain http", change{denied + "Resource", elsewhere}, "NumbersQueue"},

		{"queues have alarms", change{"Resources/NumbersQueueAge", nil}, "NumbersQueue: has no alarm on ApproximateAge"},
		{"queues have alarms", change{"Resources/OutcomesDeadLetterQueueDepth", nil}, "OutcomesDeadLetterQueue: has no alarm on ApproximateNumber"},
		{"queues have alarms", change{"Resources/NumbersDeadLetterQueueDepth/Properties/Threshold", 10}, "is not 0"},

		{"functions run what is built", change{"Globals/Function/Runtime", "provided.al2"}, `"provided.al2"`},
		{"functions run what is built", change{"Globals/Function/Architectures", []any{"x86_64"}}, "want arm64"},
		{"functions run what is built", change{"Globals/Function/Tracing", "PassThrough"}, "is not Active"},
		{"functions run what is built", change{"Globals/Function/Handler", nil}, `want "bootstrap"`},
		{"functions run what is built", change{function + "Timeout", nil}, "Timeout"},

		{"functions have logs of their own", change{function + "LoggingConfig", nil}, "with a retention"},
		{"functions have logs of their own", change{"Resources/ChangeNumberLogs/Properties/RetentionInDays", nil}, "with a retention"},
		{"functions have logs of their own", change{function + "LoggingConfig/LogGroup", object{"Ref": "ReportFailureLogs"}}, "is that of"},
		{"functions have logs of their own", change{"Globals/Function/LoggingConfig/LogFormat", "Text"}, "is not JSON"},

		{"functions have alarms", change{"Resources/ChangeNumberErrors", nil}, "no alarm on Errors"},
		{"functions have alarms", change{"Resources/ChangeNumberThrottles", nil}, "no alarm on Throttles"},
		{"functions have alarms", change{"Resources/ChangeNumberDuration", nil}, "no alarm on Duration"},
		{"functions have alarms", change{"Resources/PublishOutcomesIteratorAge", nil}, "no alarm on IteratorAge"},
		{"functions have alarms", change{"Resources/ChangeNumberDuration/Properties/Threshold", 48}, "0.00 of the timeout"},

		{"alarms reach somebody", change{"Resources/NumbersQueueAge/Properties/AlarmActions", nil}, "AlarmActions"},
		{"alarms reach somebody", change{"Resources/NumbersQueueAge/Properties/OKActions", []any{elsewhere}}, "OKActions"},
		{"alarms reach somebody", change{"Resources/NumbersQueueAge/Properties/TreatMissingData", nil}, "TreatMissingData"},
		{"alarms reach somebody", change{"Resources/NumbersQueueAge/Properties/AlarmDescription", "It is old."}, "what to do"},
		{"alarms reach somebody", change{"Resources/NumbersQueueAge/Properties/AlarmDescription", `See operations.md, "Nothing".`}, `no heading "Nothing"`},

		{"event sources lose nothing", change{event + "FunctionResponseTypes", nil}, "single failures"},
		{"event sources lose nothing", change{stream + "FunctionResponseTypes", []any{}}, "single failures"},
		{"event sources lose nothing", change{queue + "RedrivePolicy", nil}, "no failure destination"},
		{"event sources lose nothing", change{stream + "DestinationConfig", nil}, "OnFailure"},
		{"event sources lose nothing", change{event + "FilterCriteria", object{"Filters": []any{}}}, "FilterCriteria"},
		{"event sources lose nothing", change{event + "Queue", elsewhere}, "from nowhere"},

		{"event sources are not throttled", change{event + "ScalingConfig", nil}, "is 0"},
		{"event sources are not throttled", change{function + "ReservedConcurrentExecutions", nil}, "is not set"},
		{"event sources are not throttled", change{function + "ReservedConcurrentExecutions", 3}, "less than the 4"},
		{"event sources are not throttled", change{function + "ReservedConcurrentExecutions", 50}, "can be less"},
		{"event sources are not throttled", change{event + "ScalingConfig/MaximumConcurrency", 1}, "is 1"},

		{"streams end their retries in time", change{stream + "BisectBatchOnFunctionError", nil}, "Bisect"},
		{"streams end their retries in time", change{stream + "MaximumRecordAgeInSeconds", 86400}, "is 86400"},
		{"streams end their retries in time", change{stream + "MaximumRecordAgeInSeconds", nil}, "is 0"},
		{"streams end their retries in time", change{stream + "MaximumRetryAttempts", -1}, "without limit"},

		{"roles are for one function", change{function + "Role", nil}, "is none"},
		{"roles are for one function", change{function + "Role", object{"Fn::GetAtt": []any{"ReportFailureRole", "Arn"}}}, "is that of"},
		{"roles are for one function", change{"Resources/More", object{"Type": "AWS::IAM::RolePolicy", "Properties": object{"RoleName": object{"Ref": "ChangeNumberRole"}}}}, "can run before"},
		{"roles are for one function", change{role + "AssumeRolePolicyDocument/Statement/0/Principal", object{"AWS": "*"}}, "let Lambda alone"},

		{"roles allow nothing in general", change{allowed + "0/Action", "sqs:*"}, "allows sqs:*"},
		{"roles allow nothing in general", change{allowed + "0/Resource", "*"}, "on *"},
		{"roles allow nothing in general", change{allowed + "2/Resource", object{"Fn::Sub": "${Table.Arn}/*"}}, "dynamodb:GetItem"},
		{"roles allow nothing in general", change{allowed + "5/Fn::If/1/Resource", object{"Fn::Sub": "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:*"}}, "GetSecretValue"},
		{"roles allow nothing in general", change{allowed + "5/Fn::If/1/Action/Fn::If/1/1", "kms:Decrypt"}, "kms:Decrypt"},
		{"roles allow nothing in general", change{allowed + "7/Action", []any{"xray:PutTraceSegments", "logs:PutLogEvents"}}, "logs:PutLogEvents"},
		{"roles allow nothing in general", change{allowed + "0/Effect", "Deny"}, "another form"},
		{"roles allow nothing in general", change{role + "ManagedPolicyArns/Fn::If/1/0", "arn:aws:iam::aws:policy/AdministratorAccess"}, "Administrator"},
		{"roles allow nothing in general", change{allowed + "8/Fn::If/1/Resource", "*"}, "kms:Decrypt"},

		{"roles allow what event sources need", change{allowed + "0/Action", []any{"sqs:ReceiveMessage", "sqs:GetQueueAttributes"}}, "sqs:DeleteMessage"},
		{"roles allow what event sources need", change{allowed + "6/Resource", elsewhere}, "ChangeNumberLogs"},
		{"roles allow what event sources need", change{"Resources/PublishOutcomesRole/Properties/Policies/0/PolicyDocument/Statement/2/Resource", elsewhere}, "sqs:SendMessage on OutcomesDeadLetterQueue"},

		{"tables can be restored", change{"Resources/Table/DeletionPolicy", nil}, "DeletionPolicy"},
		{"tables can be restored", change{table + "PointInTimeRecoverySpecification", nil}, "PointInTimeRecovery"},
		{"tables can be restored", change{table + "SSESpecification/SSEEnabled", false}, "SSEEnabled"},
		{"tables can be restored", change{table + "TimeToLiveSpecification/Enabled", false}, "TimeToLive"},

		{"schedules tell when they fail", change{schedule + "Target/DeadLetterConfig", nil}, "DeadLetterConfig: is missing"},
		{"schedules tell when they fail", change{schedule + "Target/RetryPolicy/MaximumRetryAttempts", nil}, "lacks MaximumRetryAttempts"},
		{"schedules tell when they fail", change{schedule + "Target/RetryPolicy", nil}, "lacks MaximumEventAgeInSeconds"},
		{"schedules tell when they fail", change{schedule + "Target/RoleArn", elsewhere}, "does not allow that"},
		{"schedules tell when they fail", change{schedule + "Target/Arn", elsewhere}, "Target.Arn: is none"},
		{"schedules tell when they fail", change{"Resources/CheckPools/Properties/EventInvokeConfig", nil}, "CheckPoolsSchedule invokes it"},
		{"schedules tell when they fail", change{"Resources/CheckPools/Properties/Role", elsewhere}, "does not allow sqs:SendMessage on SchedulesDeadLetterQueue"},
		{"schedules are valid", change{function + "Events/Numbers", object{"Type": "ScheduleV2", "Properties": object{"ScheduleExpression": "rate(5 minute)"}}}, "rate(5 minute)"},
		{"schedules are valid", change{"Resources/Timer", object{"Type": "AWS::Scheduler::Schedule", "Properties": object{"ScheduleExpression": "cron(0 5 * * * *)"}}}, "must be ?"},

		{"metric filters match what is logged", change{"Resources/NumbersAssigned/Properties/FilterPattern", `{ $.message = "number asigned" }`}, "asigned"},
		{"metric filters match what is logged", change{"Resources/NumbersAssigned/Properties/FilterPattern", "number"}, "names no message"},

		{"parameters are checked", change{"Parameters/WebexRate", nil}, "lacks WebexRate"},
		{"parameters are checked", change{"Parameters/WebexRate/MaxValue", nil}, "MaxValue"},
		{"parameters are checked", change{"Parameters/WebexRate/Default", 2000}, "default is not allowed"},
		{"parameters are checked", change{"Parameters/WebexBaseUrl/AllowedPattern", nil}, "AllowedPattern"},
		{"parameters are checked", change{"Parameters/WebexBaseUrl/Default", "http://webexapis.com/v1"}, "default is not allowed"},
		{"parameters are checked", change{"Parameters/UcwaAuth/Default", "kerberos"}, "default is not allowed"},
		{"parameters are checked", change{"Parameters/UcwaAuth/Description", nil}, "Description"},
		{"parameters are checked", change{"Parameters/UcwaAuth/ConstraintDescription", nil}, "ConstraintDescription"},
		{"parameters are checked", change{"Parameters/UcwaAuth/NoEcho", true}, "NoEcho"},

		{"outputs are there", change{"Outputs/NumbersQueueUrl", nil}, "NumbersQueueUrl is missing"},
		{"outputs are there", change{"Outputs/TableName/Value", object{"Ref": "Bus"}}, "TableName is missing"},
		{"outputs are there", change{"Outputs/BusName", nil}, "BusName"},
		{"outputs are there", change{"Outputs/AlarmTopicArn", nil}, "AlarmTopicArn"},
		{"outputs are there", change{"Outputs/BusName/Description", nil}, "no description"},

		{"functions are built by make", change{function + "CodeUri", "functions/"}, "CodeUri"},
		{"functions are built by make", change{"Resources/ChangeNumber/Metadata", nil}, "BuildMethod"},
		{"functions are built by make", change{"Resources/Elsewhere", object{"Type": samFunction}}, "has no target build-Elsewhere"},

		{"functions are deployed gradually", change{"Globals/Function/AutoPublishAlias", nil}, "AutoPublishAlias"},
		{"functions are deployed gradually", change{function + "AutoPublishAliasAllProperties", nil}, "old variables"},
		{"functions are deployed gradually", change{"Globals/Function/DeploymentPreference/Type", "AllAtOnce"}, "AllAtOnce"},
		{"functions are deployed gradually", change{function + "DeploymentPreference/Alarms", []any{}}, "alarm on errors"},
	}
}
